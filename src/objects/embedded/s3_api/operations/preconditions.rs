//! Conditional and partial reads, by RFC 9110 (sections 13 and 14) and S3.

use std::ops;

use http::{HeaderMap, HeaderValue, header};
use s3s::dto::{ETag, ETagCondition, Range, Timestamp, TimestampFormat};
use s3s::{S3Error, S3ErrorCode, S3Result};

use crate::objects::embedded::disk::object::Metadata;
use crate::objects::embedded::s3_api::request::s3_errors::{error, with_header};

/// The preconditions of a read: `If-Match`, `If-None-Match`, `If-Modified-Since`, `If-Unmodified-Since`.
#[derive(Debug)]
pub(super) struct Preconditions<'a> {
    pub matching: Option<&'a ETagCondition>,
    pub none_matching: Option<&'a ETagCondition>,
    pub modified_since: Option<&'a Timestamp>,
    pub unmodified_since: Option<&'a Timestamp>,
}

impl Preconditions<'_> {
    /// Returns 412 or 304 if the object does not meet the preconditions. An entity tag takes precedence over
    /// a date.
    pub(super) fn check(&self, metadata: &Metadata, modified_at: &Timestamp) -> S3Result<()> {
        let etag = ETag::Strong(metadata.md5.clone());
        let unchanged = match (self.matching, self.unmodified_since) {
            (Some(ETagCondition::Any), _) | (None, None) => true,
            (Some(ETagCondition::ETag(wanted)), _) => wanted.strong_cmp(&etag),
            (None, Some(date)) => modified_at <= date,
        };
        if !unchanged {
            return Err(error(S3ErrorCode::PreconditionFailed));
        }
        let changed = match (self.none_matching, self.modified_since) {
            (None, None) => true,
            (Some(ETagCondition::Any), _) => false,
            (Some(ETagCondition::ETag(known)), _) => !known.weak_cmp(&etag),
            (None, Some(date)) => modified_at > date,
        };
        if !changed {
            return Err(not_modified(&etag, modified_at));
        }
        Ok(())
    }
}

fn not_modified(etag: &ETag, modified_at: &Timestamp) -> S3Error {
    let mut headers = HeaderMap::new();
    if let Ok(etag) = etag.to_http_header() {
        headers.insert(header::ETAG, etag);
    }
    let mut date = Vec::new();
    if modified_at
        .format(TimestampFormat::HttpDate, &mut date)
        .is_ok()
        && let Ok(date) = HeaderValue::from_bytes(&date)
    {
        headers.insert(header::LAST_MODIFIED, date);
    }
    let mut answer = error(S3ErrorCode::NotModified);
    answer.set_headers(headers);
    answer
}

/// Returns the requested range; `None` for the whole object, also if `if_range` names another version: the
/// client would append a range of this one to bytes of that one.
pub(super) fn range(
    range: Option<&Range>,
    if_range: Option<&HeaderValue>,
    metadata: &Metadata,
) -> S3Result<Option<ops::Range<u64>>> {
    let Some(range) = range else { return Ok(None) };
    let etag = format!("\"{}\"", metadata.md5);
    if if_range.is_some_and(|version| version.as_bytes() != etag.as_bytes()) {
        return Ok(None);
    }
    match range.check(metadata.size_bytes) {
        Ok(part) if !part.is_empty() => Ok(Some(part)),
        _ => Err(not_satisfiable(metadata.size_bytes)),
    }
}

fn not_satisfiable(size_bytes: u64) -> S3Error {
    let size = HeaderValue::try_from(format!("bytes */{size_bytes}"));
    size.map_or_else(
        |_| error(S3ErrorCode::InvalidRange),
        |size| with_header(S3ErrorCode::InvalidRange, header::CONTENT_RANGE, size),
    )
}
