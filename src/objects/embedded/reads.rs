//! GET and HEAD of an object.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use s3s::dto::{
    ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, StreamingBlob,
    Timestamp,
};
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::adapter::{Adapter, BLOCK_BYTES, blocking, failed};
use super::conditions::{self, Conditions};
use super::ended::Hold;
use super::errors::error;
use super::file::{self, Meta, Object, PartFiles};
use super::intake::Intake;
use super::upload::check_header_value;
use super::verified::{Expected, verified};
use crate::domain::ObjectKey;

/// What S3 says of an object whose uploader said nothing.
const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";
/// What S3 calls the one version of an object in a bucket without versions.
pub(super) const NULL_VERSION: &str = "null";

impl Adapter {
    pub(super) async fn read(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let (key, intake) = self.admitted(&request.extensions).await?;
        let input = request.input;
        refuse_version(input.version_id.as_deref())?;
        refuse_part(input.part_number)?;
        refuse_unsendable([
            ("response-cache-control", &input.response_cache_control),
            (
                "response-content-disposition",
                &input.response_content_disposition,
            ),
            (
                "response-content-encoding",
                &input.response_content_encoding,
            ),
            (
                "response-content-language",
                &input.response_content_language,
            ),
            ("response-content-type", &input.response_content_type),
        ])?;
        let path = self.folder.object_path(&key);
        let Object { meta, file, parts } = self.find(key, &intake).await?;
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
        let body = if let (Some(hold), Some(PartFiles { files, .. })) = (parts, &meta.parts) {
            stream_parts(hold, &meta.key, files, &part)
        } else {
            let blocks = stream(file, part.start, length).await;
            let blocks = blocks.map_err(|cause| failed(&intake, cause))?;
            let sha256 = meta.sha256.clone().filter(|_| shown_whole);
            let expected = sha256.map(|sha256| Expected {
                path,
                size_bytes: length,
                sha256,
            });
            StreamingBlob::wrap(match expected {
                Some(expected) => verified(blocks, expected).left_stream(),
                None => blocks.right_stream(),
            })
        };
        let Meta {
            key: _,
            size_bytes: _,
            md5,
            sha256,
            modified_at_s: _,
            headers,
            parts: _,
        } = meta;
        // s3s itself lets the signed `response-…` parameters override these.
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(body),
            content_length: i64::try_from(length).ok(),
            content_range,
            e_tag: Some(ETag::Strong(md5)),
            checksum_sha256: input.checksum_mode.filter(|_| shown_whole).and(sha256),
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

    pub(super) async fn show(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let (key, intake) = self.admitted(&request.extensions).await?;
        let input = request.input;
        refuse_version(input.version_id.as_deref())?;
        refuse_part(input.part_number)?;
        refuse_unsendable([
            ("response-cache-control", &input.response_cache_control),
            (
                "response-content-disposition",
                &input.response_content_disposition,
            ),
            (
                "response-content-encoding",
                &input.response_content_encoding,
            ),
            (
                "response-content-language",
                &input.response_content_language,
            ),
            ("response-content-type", &input.response_content_type),
        ])?;
        let Object {
            meta,
            file: _,
            parts: _,
        } = self.find(key, &intake).await?;
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
            parts: _,
        } = meta;
        let disposition = disposition(headers.content_disposition);
        let content_type = content_type(headers.content_type);
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(size_bytes).ok(),
            e_tag: Some(ETag::Strong(md5)),
            checksum_sha256: input.checksum_mode.and(sha256),
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

    async fn find(&self, key: ObjectKey, intake: &Intake) -> S3Result<Object> {
        let folder = Arc::clone(&self.folder);
        let found = blocking(intake, move || file::open(&folder, &key)).await?;
        found.ok_or_else(|| error(S3ErrorCode::NoSuchKey))
    }
}

async fn stream(
    file: File,
    start: u64,
    length: u64,
) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + Sync> {
    let mut file = tokio::fs::File::from_std(file);
    file.set_max_buf_size(BLOCK_BYTES);
    file.seek(io::SeekFrom::Start(start)).await?;
    let sent = metrics::counter!("event_history_embedded_sent_bytes_total");
    let blocks = ReaderStream::with_capacity(file.take(length), BLOCK_BYTES);
    Ok(blocks.inspect_ok(move |block| sent.increment(block.len() as u64)))
}

/// Streams the bytes `wanted` of an object in parts. One file is open at a time: there may be 10,000.
fn stream_parts(hold: Hold, key: &str, files: &[(u16, u64)], wanted: &Range<u64>) -> StreamingBlob {
    let (hold, key): (_, Arc<str>) = (Arc::new(hold), key.into());
    let pieces = pieces(files, wanted).into_iter().map(move |piece| {
        let (hold, key) = (Arc::clone(&hold), Arc::clone(&key));
        async move {
            let Piece {
                number,
                size_bytes,
                start,
                length,
            } = piece;
            let open = {
                let hold = Arc::clone(&hold);
                tokio::task::spawn_blocking(move || hold.open_part(&key, number, size_bytes))
            };
            let file = open
                .await
                .unwrap_or_else(|panic| Err(io::Error::other(panic)));
            // The answer has begun, so all that can be done is to break it off.
            let file = file.inspect_err(|error| {
                tracing::error!(%error, "the embedded object storage failed");
            });
            let (file, expected) = file?;
            // Moved along with the blocks: the parts stay while one is still to be sent.
            let blocks = stream(file, start, length).await?;
            let blocks = blocks.inspect_ok(move |_| _ = &hold);
            Ok::<_, io::Error>(match expected.filter(|_| length == size_bytes) {
                Some(expected) => verified(blocks, expected).left_stream(),
                None => blocks.right_stream(),
            })
        }
    });
    StreamingBlob::wrap(stream::iter(pieces).then(|opened| opened).try_flatten())
}

/// What is to be sent of one part.
struct Piece {
    number: u16,
    size_bytes: u64,
    start: u64,
    length: u64,
}

fn pieces(files: &[(u16, u64)], wanted: &Range<u64>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    for (number, size_bytes) in files {
        let end = begin + size_bytes;
        let (from, to) = (wanted.start.max(begin), wanted.end.min(end));
        if from < to {
            pieces.push(Piece {
                number: *number,
                size_bytes: *size_bytes,
                start: from - begin,
                length: to - from,
            });
        }
        begin = end;
    }
    pieces
}

/// No object has versions here, so each is the version `null` of itself.
pub(super) fn refuse_version(version_id: Option<&str>) -> S3Result<()> {
    match version_id {
        None | Some(NULL_VERSION) => Ok(()),
        Some(_) => Err(error(S3ErrorCode::NoSuchVersion)),
    }
}

/// Refuses wishes for the answer's headers that no header can carry.
fn refuse_unsendable(wishes: [(&str, &Option<String>); 5]) -> S3Result<()> {
    for (name, value) in wishes {
        check_header_value(name, value.as_deref())?;
    }
    Ok(())
}

fn refuse_part(number: Option<i32>) -> S3Result<()> {
    match number {
        None => Ok(()),
        Some(_) => Err(error(S3ErrorCode::NotImplemented)),
    }
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

pub(super) fn timestamp(seconds: u64) -> Timestamp {
    let since = Duration::from_secs(seconds);
    SystemTime::UNIX_EPOCH
        .checked_add(since)
        .unwrap_or(SystemTime::UNIX_EPOCH)
        .into()
}
