//! What the head of a request has to be like before anything else looks at the request.

use http::{HeaderMap, HeaderName, header};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::errors::{error, worded};
use super::upload::is_chunked;
use crate::domain::{DatabaseName, FileId, ObjectKey};
use crate::objects::MAX_URL_LIFE;

/// s3s holds each chunk of AWS's chunked encoding in memory, and the client chooses their size. Only
/// clients that have the key pair can send it: for a presigned URL it is refused.
const MAX_CHUNKED_BYTES: u64 = 16 * 1024 * 1024;

/// More parameters, and more signed headers, than any signed URL has: each is looked at several times.
pub(super) const MAX_NAMES: usize = 100;
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What the headers `x-amz-…` say changes what is stored, so they have to be signed; not these, which
/// say what the body is, or nothing of it: the last is added by AWS's CDN.
const MAY_BE_UNSIGNED: [&str; 3] = [
    "x-amz-content-sha256",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-cf-id",
];
const CHECKSUM: &str = "x-amz-checksum-";

pub(super) fn check_query(algorithm: Option<&str>, expires: Option<&str>) -> S3Result<()> {
    if algorithm != Some(ALGORITHM) {
        return Err(worded(
            S3ErrorCode::AuthorizationQueryParametersError,
            "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"",
        ));
    }
    let expires = expires.and_then(|seconds| seconds.parse::<u64>().ok());
    match expires {
        Some(1..) if expires <= Some(MAX_URL_LIFE.as_secs()) => Ok(()),
        _ => Err(worded(
            S3ErrorCode::AuthorizationQueryParametersError,
            "X-Amz-Expires must be between 1 and 604800 seconds (a week).",
        )),
    }
}

pub(super) fn check_signed_headers(headers: &HeaderMap, signed: &[&str]) -> S3Result<()> {
    let must_be_signed = |name: &str| {
        name.starts_with("x-amz-")
            && !name.starts_with(CHECKSUM)
            && !MAY_BE_UNSIGNED.contains(&name)
    };
    if signed.len() > MAX_NAMES {
        return Err(too_many_names());
    }
    let names = headers.keys().map(HeaderName::as_str);
    if !signed.contains(&"host")
        || names
            .into_iter()
            .any(|name| must_be_signed(name) && !signed.contains(&name))
    {
        return Err(worded(
            S3ErrorCode::AccessDenied,
            "There were headers present in the request which were not signed",
        ));
    }
    Ok(())
}

pub(super) fn check_length(headers: &HeaderMap, max_bytes: u64) -> S3Result<()> {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    let length: Option<u64> = length.and_then(|length| length.parse().ok());
    match length {
        _ if headers.contains_key(header::TRANSFER_ENCODING) => {
            Err(error(S3ErrorCode::MissingContentLength))
        }
        None => Err(error(S3ErrorCode::MissingContentLength)),
        Some(length) if length > max_bytes => Err(worded(
            S3ErrorCode::EntityTooLarge,
            "Your proposed upload exceeds the maximum allowed size",
        )),
        Some(length) if length > MAX_CHUNKED_BYTES && is_chunked(headers) => Err(worded(
            S3ErrorCode::NotImplemented,
            "A body of this size in AWS's chunked encoding is not implemented; send it as it is.",
        )),
        Some(_) => Ok(()),
    }
}

pub(super) fn check_no_body(headers: &HeaderMap) -> S3Result<()> {
    let length = headers.get(header::CONTENT_LENGTH);
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(error(S3ErrorCode::MissingContentLength));
    }
    match length {
        Some(length) if length != "0" => Err(worded(
            S3ErrorCode::MaxMessageLengthExceeded,
            "Your request was too big.",
        )),
        _ => Ok(()),
    }
}

/// Tells whether a request brings a form, which s3s would read to its end before anything else.
pub(super) fn is_multipart(headers: &HeaderMap) -> bool {
    const PREFIX: &str = "multipart/";
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    types.any(|value| {
        let value = value.as_bytes().trim_ascii_start();
        let start = value.get(..PREFIX.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(PREFIX.as_bytes()))
    })
}

pub(super) fn too_many_names() -> S3Error {
    let message = "There are more parameters or signed headers than a signature covers.";
    worded(S3ErrorCode::InvalidRequest, message)
}

/// Parses `<database_name>/<file_id>` as it stands in a URL. The two are split before they are decoded:
/// an encoded slash is a character of a name, which no name has.
pub(super) fn parse_key(path: &str) -> Option<ObjectKey> {
    let (database_name, file_id) = path.split_once('/')?;
    let file_id = decode(file_id)?;
    let key = ObjectKey {
        database_name: DatabaseName::parse(&decode(database_name)?).ok()?,
        file_id: FileId::parse(&file_id).ok()?,
    };
    // A UUID has other forms of text, which would be other keys.
    (key.file_id.to_string() == file_id).then_some(key)
}

/// Decodes `%XX` alone: in a path a `+` is a plus.
fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            bytes.extend(hex::decode(tail.get(..2)?).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}
