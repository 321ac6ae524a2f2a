//! What s3s asks of a storage, answered from the folder. The guard has let in nothing but GET, HEAD and
//! PUT of one object, and s3s has verified the signature.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt;
use http::Extensions;
use s3s::dto::{
    ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, PutObjectInput,
    PutObjectOutput, StreamingBlob, Timestamp,
};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::conditions::{self, Conditions};
use super::digests::Claims;
use super::errors::error;
use super::file::{self, Meta, Published, Replace, Upload};
use super::folder::Folder;
use super::intake::Intake;
use super::upload::{discard, headers, receive, refuse_unsupported, replace};
use crate::domain::{Clock, ObjectKey};

/// What is read or written at once: large enough that a trip to the blocking threads is cheap, small
/// enough that a hundred transfers at once are 25 MB.
pub(super) const BLOCK_BYTES: usize = 256 * 1024;
/// What S3 says of an object whose uploader said nothing.
const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

pub(super) struct Adapter {
    pub folder: Arc<Folder>,
    pub clock: Arc<dyn Clock>,
}

#[async_trait::async_trait]
impl S3 for Adapter {
    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let (key, intake) = admitted(&request.extensions)?;
        let replace = replace(&request.input)?;
        refuse_unsupported(&request.input)?;
        let headers = headers(&request.input)?;
        let trailer = request.headers.get("x-amz-trailer");
        let trailer = trailer.map(|names| names.to_str().unwrap_or_default());
        let mut claims = Claims::of(&request.input, trailer)?;
        let size_bytes = request
            .input
            .content_length
            .and_then(|length| u64::try_from(length).ok())
            .ok_or_else(|| error(S3ErrorCode::MissingContentLength))?;

        let folder = Arc::clone(&self.folder);
        let digests = claims.digests();
        let target = key.clone();
        let upload = blocking(&intake, move || {
            // Nobody should send gigabytes to learn at their end what is known now.
            if replace == Replace::No && folder.object_path(&target).exists() {
                return Ok(None);
            }
            Upload::begin(&folder, digests).map(Some)
        })
        .await?
        .ok_or_else(|| error(S3ErrorCode::PreconditionFailed))?;

        let body = request
            .input
            .body
            .unwrap_or_else(|| s3s::Body::empty().into());
        let mut upload = receive(body, upload, &intake, &request.headers).await?;
        if upload.size_bytes() != size_bytes {
            return Err(discard(upload, error(S3ErrorCode::IncompleteBody)).await);
        }
        if let Some(trailers) = request.trailing_headers.and_then(|handle| handle.take()) {
            claims.add_trailers(&trailers);
        }
        let finished = upload.finish();
        if let Err(mismatch) = claims.check(&finished) {
            return Err(discard(upload, mismatch).await);
        }

        let checksums = finished.checksums;
        let etag = hex::encode(finished.md5);
        let meta = Meta {
            key: key.to_string(),
            size_bytes,
            md5: etag.clone(),
            sha256: checksums.checksum_sha256.clone().unwrap_or_default(),
            modified_at_s: u64::try_from(self.clock.now().as_second()).unwrap_or_default(),
            headers,
        };
        let folder = Arc::clone(&self.folder);
        let publish = move || upload.publish(&folder, &key, &meta, replace);
        match blocking(&intake, publish).await? {
            Published::Taken => Err(error(S3ErrorCode::PreconditionFailed)),
            Published::Durable => Ok(S3Response::new(PutObjectOutput {
                e_tag: Some(ETag::Strong(etag)),
                checksum_crc32: checksums.checksum_crc32,
                checksum_crc32c: checksums.checksum_crc32c,
                checksum_crc64nvme: checksums.checksum_crc64nvme,
                checksum_sha1: checksums.checksum_sha1,
                checksum_sha256: checksums.checksum_sha256,
                ..PutObjectOutput::default()
            })),
        }
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let (key, intake) = admitted(&request.extensions)?;
        let input = request.input;
        refuse_version(input.version_id.is_some(), input.part_number.is_some())?;
        let (file, meta) = self.find(key, &intake).await?;
        let modified_at = timestamp(meta.modified_at_s);
        let conditions = Conditions {
            matching: input.if_match.as_ref(),
            none_matching: input.if_none_match.as_ref(),
            modified_since: input.if_modified_since.as_ref(),
            unmodified_since: input.if_unmodified_since.as_ref(),
        };
        conditions.check(&meta, &modified_at)?;
        let if_range = request.headers.get(http::header::IF_RANGE);
        let part = conditions::range(input.range.as_ref(), if_range, &meta)?;
        let content_range = part.as_ref().map(|part| {
            let last = part.end - 1;
            format!("bytes {}-{last}/{}", part.start, meta.size_bytes)
        });
        let shown_whole = part.is_none();
        let part = part.unwrap_or(0..meta.size_bytes);
        let length = part.end - part.start;
        let body = stream(file, part.start, length).await;
        let body = body.map_err(|cause| failed(&intake, cause))?;
        let Meta {
            key: _,
            size_bytes: _,
            md5,
            sha256,
            modified_at_s: _,
            headers,
        } = meta;
        // s3s itself lets the signed `response-…` parameters override these.
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(body),
            content_length: i64::try_from(length).ok(),
            content_range,
            e_tag: Some(ETag::Strong(md5)),
            checksum_sha256: input.checksum_mode.filter(|_| shown_whole).map(|_| sha256),
            last_modified: Some(modified_at),
            content_disposition: Some(disposition(headers.content_disposition)),
            content_type: Some(content_type(headers.content_type)),
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            cache_control: headers.cache_control,
            metadata: Some(headers.user.into_iter().collect()),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let (key, intake) = admitted(&request.extensions)?;
        let input = request.input;
        refuse_version(input.version_id.is_some(), input.part_number.is_some())?;
        let (_file, meta) = self.find(key, &intake).await?;
        let modified_at = timestamp(meta.modified_at_s);
        let conditions = Conditions {
            matching: input.if_match.as_ref(),
            none_matching: input.if_none_match.as_ref(),
            modified_since: input.if_modified_since.as_ref(),
            unmodified_since: input.if_unmodified_since.as_ref(),
        };
        conditions.check(&meta, &modified_at)?;
        let Meta {
            key: _,
            size_bytes,
            md5,
            sha256,
            modified_at_s: _,
            headers,
        } = meta;
        let disposition = disposition(headers.content_disposition);
        let content_type = content_type(headers.content_type);
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(size_bytes).ok(),
            e_tag: Some(ETag::Strong(md5)),
            checksum_sha256: input.checksum_mode.map(|_| sha256),
            last_modified: Some(modified_at),
            content_disposition: input.response_content_disposition.or(Some(disposition)),
            content_type: input.response_content_type.or(Some(content_type)),
            content_encoding: input.response_content_encoding.or(headers.content_encoding),
            content_language: input.response_content_language.or(headers.content_language),
            cache_control: input.response_cache_control.or(headers.cache_control),
            metadata: Some(headers.user.into_iter().collect()),
            ..HeadObjectOutput::default()
        }))
    }
}

impl Adapter {
    async fn find(&self, key: ObjectKey, intake: &Intake) -> S3Result<(File, Meta)> {
        let folder = Arc::clone(&self.folder);
        let found = blocking(intake, move || file::open(&folder, &key)).await?;
        found.ok_or_else(|| error(S3ErrorCode::NoSuchKey))
    }
}

/// Returns what the guard left with the request.
fn admitted(extensions: &Extensions) -> S3Result<(ObjectKey, Arc<Intake>)> {
    let key = extensions.get::<ObjectKey>().cloned();
    let intake = extensions.get::<Arc<Intake>>().cloned();
    key.zip(intake)
        .ok_or_else(|| error(S3ErrorCode::AccessDenied))
}

pub(super) async fn blocking<T: Send + 'static>(
    intake: &Intake,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> S3Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| Err(io::Error::other(panic)))
        .map_err(|cause| failed(intake, cause))
}

/// Leaves the cause for the log, and tells the client whether it is worth another try.
fn failed(intake: &Intake, cause: io::Error) -> S3Error {
    let code = match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            S3ErrorCode::SlowDown
        }
        _ => S3ErrorCode::InternalError,
    };
    // Only the first is the cause; later ones follow from it.
    let _ = intake.failure.set(cause);
    error(code)
}

async fn stream(file: File, start: u64, length: u64) -> io::Result<StreamingBlob> {
    let mut file = tokio::fs::File::from_std(file);
    file.set_max_buf_size(BLOCK_BYTES);
    file.seek(io::SeekFrom::Start(start)).await?;
    let sent = metrics::counter!("event_history_embedded_sent_bytes_total");
    let blocks = ReaderStream::with_capacity(file.take(length), BLOCK_BYTES);
    let counted = blocks.inspect_ok(move |block| sent.increment(block.len() as u64));
    Ok(StreamingBlob::wrap(counted))
}

fn refuse_version(version: bool, part: bool) -> S3Result<()> {
    if version || part {
        return Err(error(S3ErrorCode::NotImplemented));
    }
    Ok(())
}

/// An upload is shown on the origin of this service, so it is never shown as a page of it: what the
/// uploader wished holds only where it is a download too.
fn disposition(wished: Option<String>) -> String {
    let is_download = |wish: &String| {
        wish.trim_start()
            .to_ascii_lowercase()
            .starts_with("attachment")
    };
    wished
        .filter(is_download)
        .unwrap_or_else(|| "attachment".to_owned())
}

fn content_type(said: Option<String>) -> String {
    said.filter(|said| !said.is_empty())
        .unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned())
}

fn timestamp(seconds: u64) -> Timestamp {
    let since = Duration::from_secs(seconds);
    SystemTime::UNIX_EPOCH
        .checked_add(since)
        .unwrap_or(SystemTime::UNIX_EPOCH)
        .into()
}
