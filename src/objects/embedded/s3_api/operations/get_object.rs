//! `GetObject` and `HeadObject`.

use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue, header};
use s3s::dto::{
    ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, StreamingBlob,
    Timestamp,
};
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result};

use super::adapter::{Adapter, storage_error};
use super::object_headers::check_value;
use super::preconditions::{self, Selection};
use crate::domain::ObjectKey;
use crate::objects::embedded::disk::object::{self, Metadata, Object};
use crate::objects::embedded::s3_api::request::body::RequestBody;
use crate::objects::embedded::s3_api::request::s3_errors::error;
use crate::objects::embedded::s3_api::request::sent_request::SentRequest;

/// S3's default.
const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";
/// The version id of every object in a bucket without versions.
pub(crate) const NULL_VERSION: &str = "null";

const PART_NUMBER: &str = "partNumber";
const RESPONSE_EXPIRES: &str = "response-expires";

/// Rejects what is not implemented. The two inputs have these fields in common, but no type.
macro_rules! check_input {
    ($input:ident) => {
        reject_version($input.version_id.as_deref())?;
        for (name, value) in [
            ("cache-control", &$input.response_cache_control),
            ("content-disposition", &$input.response_content_disposition),
            ("content-encoding", &$input.response_content_encoding),
            ("content-language", &$input.response_content_language),
            ("content-type", &$input.response_content_type),
        ] {
            check_value(&format!("response-{name}"), value.as_deref())?;
        }
    };
}

impl Adapter {
    pub(super) async fn get(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let (key, request_body) = self.authorized(&request.extensions).await?;
        let sent = SentRequest::of(&request.extensions)?;
        let input = request.input;
        check_input!(input);
        check_value("response-expires", sent.parameter(RESPONSE_EXPIRES))?;
        let Object { metadata, content } = self.open(key, &request_body).await?;
        let modified_at = timestamp(metadata.modified_at_s);
        preconditions::check(&sent.headers, &metadata, &modified_at)?;
        let part_number = sent.parameter(PART_NUMBER);
        let selection = Selection::new(&sent.headers, part_number, &metadata)?;
        let is_whole = selection.range.is_none();
        let content_length = selection.length(&metadata);
        let content_range = selection.content_range(&metadata);
        let body = content.stream(&metadata, selection.range.as_ref()).await;
        let body = body.map_err(|cause| storage_error(&request_body, cause))?;
        let Metadata {
            key: _,
            size_bytes: _,
            md5,
            sha256,
            checksums,
            modified_at_s: _,
            headers,
            parts: _,
        } = metadata;
        let wants_checksums = input.checksum_mode.is_some() && is_whole;
        let checksum = |name: &str| checksums.get(name).filter(|_| wants_checksums).cloned();
        let expires = expires(sent, headers.expires);
        // s3s itself lets the signed `response-…` parameters override these.
        let mut response = S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(StreamingBlob::wrap(body)),
            content_length,
            content_range,
            parts_count: selection.parts_count,
            e_tag: Some(ETag::Strong(md5)),
            checksum_crc32: checksum("crc32"),
            checksum_crc32c: checksum("crc32c"),
            checksum_crc64nvme: checksum("crc64nvme"),
            checksum_sha1: checksum("sha1"),
            checksum_sha256: sha256.filter(|_| wants_checksums),
            last_modified: Some(modified_at),
            content_disposition: Some(disposition(headers.content_disposition)),
            content_type: Some(content_type(headers.content_type)),
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            cache_control: headers.cache_control,
            metadata: Some(headers.user.into_iter().collect()),
            ..GetObjectOutput::default()
        });
        response.headers.extend(expires);
        Ok(response)
    }

    pub(super) async fn head(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let (key, request_body) = self.authorized(&request.extensions).await?;
        let sent = SentRequest::of(&request.extensions)?;
        let input = request.input;
        check_input!(input);
        check_value("response-expires", sent.parameter(RESPONSE_EXPIRES))?;
        let metadata = self.open(key, &request_body).await?.metadata;
        let modified_at = timestamp(metadata.modified_at_s);
        preconditions::check(&sent.headers, &metadata, &modified_at)?;
        let part_number = sent.parameter(PART_NUMBER);
        let selection = Selection::new(&sent.headers, part_number, &metadata)?;
        let content_length = selection.length(&metadata);
        let content_range = selection.content_range(&metadata);
        let Metadata {
            key: _,
            size_bytes: _,
            md5,
            sha256,
            checksums,
            modified_at_s: _,
            headers,
            parts: _,
        } = metadata;
        let wants_checksums = input.checksum_mode.is_some() && selection.range.is_none();
        let checksum = |name: &str| checksums.get(name).filter(|_| wants_checksums).cloned();
        let expires = expires(sent, headers.expires);
        let disposition = disposition(headers.content_disposition);
        let content_type = content_type(headers.content_type);
        let mut response = S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length,
            content_range,
            parts_count: selection.parts_count,
            e_tag: Some(ETag::Strong(md5)),
            checksum_crc32: checksum("crc32"),
            checksum_crc32c: checksum("crc32c"),
            checksum_crc64nvme: checksum("crc64nvme"),
            checksum_sha1: checksum("sha1"),
            checksum_sha256: sha256.filter(|_| wants_checksums),
            last_modified: Some(modified_at),
            content_disposition: input.response_content_disposition.or(Some(disposition)),
            content_type: input.response_content_type.or(Some(content_type)),
            content_encoding: input.response_content_encoding.or(headers.content_encoding),
            content_language: input.response_content_language.or(headers.content_language),
            cache_control: input.response_cache_control.or(headers.cache_control),
            metadata: Some(headers.user.into_iter().collect()),
            ..HeadObjectOutput::default()
        });
        response.headers.extend(expires);
        Ok(response)
    }

    async fn open(&self, key: ObjectKey, request_body: &RequestBody) -> S3Result<Object> {
        let open = self.on_disk(request_body, move |folder| object::open(folder, &key));
        let found = open.await?;
        found.ok_or_else(|| error(S3ErrorCode::NoSuchKey))
    }
}

/// Rejects every version id but `null`: no object has versions.
pub(super) fn reject_version(version_id: Option<&str>) -> S3Result<()> {
    match version_id {
        None | Some(NULL_VERSION) => Ok(()),
        Some(_) => Err(error(S3ErrorCode::NoSuchVersion)),
    }
}

/// Returns the stored disposition only if it is a download: an upload is served from this service's origin
/// and must never be shown there as a page.
fn disposition(stored: Option<String>) -> String {
    let is_download = |value: &String| {
        let value = value.trim_start().to_ascii_lowercase();
        value.starts_with("attachment")
    };
    let stored = stored.filter(is_download);
    stored.unwrap_or_else(|| "attachment".to_owned())
}

fn content_type(stored: Option<String>) -> String {
    let stored = stored.filter(|stored| !stored.is_empty());
    stored.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned())
}

/// Returns the header `Expires`, which may hold any text: s3s sends dates alone.
fn expires(sent: &SentRequest, stored: Option<String>) -> Option<(HeaderName, HeaderValue)> {
    let asked = sent.parameter(RESPONSE_EXPIRES).map(str::to_owned);
    let value = HeaderValue::try_from(asked.or(stored)?).ok()?;
    Some((header::EXPIRES, value))
}

pub(super) fn timestamp(seconds: u64) -> Timestamp {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    time.unwrap_or(SystemTime::UNIX_EPOCH).into()
}
