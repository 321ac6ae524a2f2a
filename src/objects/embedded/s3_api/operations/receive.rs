//! Receives the body of an upload: writes it to disk and verifies its checksums.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use http::{HeaderMap, StatusCode};
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders};

use super::adapter::blocking;
use super::expected_checksums::{ExpectedChecksums, Hasher, by_name};
use crate::domain::ObjectKey;
use crate::objects::embedded::disk::folder::clock::FolderClock;
use crate::objects::embedded::disk::object::content::BLOCK_BYTES;
use crate::objects::embedded::disk::object::{Headers, Metadata, ObjectWriter};
use crate::objects::embedded::s3_api::request::body::{RequestBody, is_chunked};
use crate::objects::embedded::s3_api::request::s3_errors::{error, with_message};

/// An upload that is about to be received.
pub(crate) struct Incoming<S> {
    pub stream: S,
    pub request_body: Arc<RequestBody>,
    /// The size that the sender announced, if it did.
    pub size_bytes: Option<u64>,
    pub expected: ExpectedChecksums,
    /// Filled at the end of the body.
    pub trailers: Option<TrailingHeaders>,
}

impl<S: Stream<Item = S3Result<Bytes>> + Unpin> Incoming<S> {
    /// Writes the body and verifies it. Returns the object to publish, with its metadata and checksums; after
    /// an error the file is removed before this returns.
    pub(crate) async fn receive(
        self,
        writer: ObjectWriter,
        key: &ObjectKey,
        headers: Headers,
        clock: &FolderClock,
    ) -> S3Result<(ObjectWriter, Metadata, Checksum)> {
        let Self {
            stream,
            request_body,
            size_bytes,
            mut expected,
            trailers,
        } = self;
        let hasher = expected.hasher();
        let (writer, hasher) = write(stream, writer, hasher, size_bytes, &request_body).await?;
        let received_bytes = writer.size_bytes();
        if size_bytes.is_some_and(|announced| announced != received_bytes) {
            return Err(discard(writer, error(S3ErrorCode::IncompleteBody)).await);
        }
        if let Some(trailers) = trailers.and_then(|handle| handle.take()) {
            expected.add_trailers(&trailers);
        }
        let digests = hasher.finish();
        if let Err(mismatch) = expected.check(&digests) {
            return Err(discard(writer, mismatch).await);
        }
        let checksums = digests.checksums;
        let other_checksums = by_name(&checksums);
        let metadata = Metadata {
            key: key.to_string(),
            size_bytes: received_bytes,
            md5: hex::encode(digests.md5),
            sha256: checksums.checksum_sha256.clone(),
            checksums: other_checksums,
            modified_at_s: clock.now_s(),
            headers,
            parts: None,
        };
        Ok((writer, metadata, checksums))
    }
}

/// Writes and hashes the body, block by block.
async fn write(
    mut stream: impl Stream<Item = S3Result<Bytes>> + Unpin,
    mut writer: ObjectWriter,
    mut hasher: Hasher,
    size_bytes: Option<u64>,
    request_body: &RequestBody,
) -> S3Result<(ObjectWriter, Hasher)> {
    let mut block = Vec::new();
    let mut block_bytes = 0;
    let mut left = size_bytes;
    loop {
        let at_end = match stream.next().await {
            Some(Ok(chunk)) => {
                left = match left.map(|left| left.checked_sub(chunk.len() as u64)) {
                    // More than was announced, and there may be no end of it.
                    Some(None) => {
                        return Err(discard(writer, error(S3ErrorCode::IncompleteBody)).await);
                    }
                    left => left.flatten(),
                };
                block_bytes += chunk.len();
                block.push(chunk);
                false
            }
            None => true,
            Some(Err(error)) => return Err(discard(writer, error).await),
        };
        if block_bytes >= BLOCK_BYTES || (at_end && block_bytes > 0) {
            let block = std::mem::take(&mut block);
            block_bytes = 0;
            let write = move || {
                writer.write(&block)?;
                for chunk in &block {
                    hasher.update(chunk);
                }
                Ok((writer, hasher))
            };
            (writer, hasher) = blocking(request_body, write).await?;
        }
        if at_end {
            return Ok((writer, hasher));
        }
    }
}

/// Removes the upload before the sender is answered, off the async threads: freeing a large file takes time.
async fn discard(writer: ObjectWriter, reason: S3Error) -> S3Error {
    // Only a panic can fail this, and then the next start removes the file.
    let _ = tokio::task::spawn_blocking(move || drop(writer)).await;
    reason
}

/// Returns the upload that a PUT of an object or of a part sends. `checksums` are in the order of
/// [`ExpectedChecksums::new`].
pub(super) fn incoming_put(
    request_body: &Arc<RequestBody>,
    headers: &HeaderMap,
    trailers: Option<TrailingHeaders>,
    stream: Option<StreamingBlob>,
    size_bytes: Option<i64>,
    md5: Option<&str>,
    checksums: [Option<String>; 5],
) -> S3Result<Incoming<impl Stream<Item = S3Result<Bytes>> + Unpin + use<>>> {
    let expected = ExpectedChecksums::new(md5, checksums, headers)?;
    let size_bytes = size_bytes.and_then(|size_bytes| u64::try_from(size_bytes).ok());
    let size_bytes = size_bytes.ok_or_else(|| error(S3ErrorCode::MissingContentLength))?;
    Ok(Incoming {
        stream: put_stream(stream, headers, request_body),
        request_body: Arc::clone(request_body),
        size_bytes: Some(size_bytes),
        expected,
        trailers,
    })
}

/// Returns the body of a PUT, with errors that say why it could not be read to its end.
fn put_stream(
    stream: Option<StreamingBlob>,
    headers: &HeaderMap,
    body: &Arc<RequestBody>,
) -> impl Stream<Item = S3Result<Bytes>> + Unpin + use<> {
    let (body, is_chunked) = (Arc::clone(body), is_chunked(headers));
    let stream = stream.unwrap_or_else(|| s3s::Body::empty().into());
    stream.map_err(move |_| {
        body.read_error().unwrap_or_else(|| {
            // All of it came, so s3s rejected it: the hash or the chunks are not those that were signed.
            if is_chunked {
                return error(S3ErrorCode::SignatureDoesNotMatch);
            }
            let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
            let message =
                "The provided 'x-amz-content-sha256' header does not match what was computed.";
            let mut mismatch = with_message(code, message);
            mismatch.set_status_code(StatusCode::BAD_REQUEST);
            mismatch
        })
    })
}
