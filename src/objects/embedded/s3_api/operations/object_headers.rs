//! The headers that are stored with an object, and those that are rejected.

use http::{HeaderName, HeaderValue, header};
use s3s::dto::{CreateMultipartUploadInput, ObjectCannedACL, PutObjectInput};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::preconditions::EntityTags;
use crate::objects::embedded::disk::object::{Headers, Overwrite};
use crate::objects::embedded::s3_api::request::s3_errors::{error, with_message};
use crate::objects::embedded::s3_api::request::sent_request::SentRequest;

/// The prefix of user metadata, in a request and in a response.
pub(crate) const USER_METADATA: &str = "x-amz-meta-";
/// The limit of all names and values together.
/// Source: Amazon S3 user guide, "Working with object metadata".
const MAX_USER_METADATA_BYTES: usize = 2 * 1024;

/// Takes the stored headers from an input, and rejects those that would change what the upload means. The
/// two inputs have these fields in common, but no type. `sent` has the headers that s3s does not parse.
macro_rules! take_headers {
    ($input:ident, $sent:ident) => {{
        let is_private = |acl: &ObjectCannedACL| acl.as_str() == "private";
        reject_unsupported(&[
            ("x-amz-acl", !$input.acl.as_ref().is_none_or(is_private)),
            (
                "x-amz-object-lock-legal-hold",
                $input.object_lock_legal_hold_status.is_some(),
            ),
            ("x-amz-object-lock-mode", $input.object_lock_mode.is_some()),
            (
                "x-amz-grant-full-control",
                $input.grant_full_control.is_some(),
            ),
            ("x-amz-grant-read", $input.grant_read.is_some()),
            ("x-amz-grant-read-acp", $input.grant_read_acp.is_some()),
            ("x-amz-grant-write-acp", $input.grant_write_acp.is_some()),
            (
                "x-amz-server-side-encryption",
                $input.server_side_encryption.is_some(),
            ),
            (
                "x-amz-server-side-encryption-customer-key",
                $input.sse_customer_key.is_some(),
            ),
            ("x-amz-tagging", $input.tagging.is_some()),
            (
                "x-amz-website-redirect-location",
                $input.website_redirect_location.is_some(),
            ),
        ])?;
        normalize(Headers {
            content_type: $input.content_type.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            content_disposition: $input.content_disposition.take(),
            cache_control: $input.cache_control.take(),
            expires: $sent.header(&header::EXPIRES),
            user: $input.metadata.take().into_iter().flatten().collect(),
        })
    }};
}

pub(super) fn of_put(input: &mut PutObjectInput, sent: &SentRequest) -> S3Result<Headers> {
    let is_sent = input.write_offset_bytes.is_some();
    reject_unsupported(&[("x-amz-write-offset-bytes", is_sent)])?;
    take_headers!(input, sent)
}

pub(super) fn of_create(
    input: &mut CreateMultipartUploadInput,
    sent: &SentRequest,
) -> S3Result<Headers> {
    take_headers!(input, sent)
}

/// Returns an error if one of the headers, none of which is implemented, was sent.
pub(crate) fn reject_unsupported(headers: &[(&str, bool)]) -> S3Result<()> {
    match headers.iter().find(|(_, is_sent)| *is_sent) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("The header '{name}' is not implemented.");
            Err(with_message(S3ErrorCode::NotImplemented, message))
        }
    }
}

/// Returns the headers as they are stored, or an error if one could not be sent with a download.
pub(crate) fn normalize(mut headers: Headers) -> S3Result<Headers> {
    check_values(&headers)?;
    let user = headers.user.iter();
    let user_bytes: usize = user.map(|(name, value)| name.len() + value.len()).sum();
    if user_bytes > MAX_USER_METADATA_BYTES {
        return Err(error(S3ErrorCode::MetadataTooLarge));
    }
    // `aws-chunked` describes the transfer and not the object.
    let encoding = headers.content_encoding.take().unwrap_or_default();
    let encodings: Vec<&str> = encoding
        .split(',')
        .map(str::trim)
        .filter(|encoding| !encoding.is_empty() && *encoding != "aws-chunked")
        .collect();
    headers.content_encoding = (!encodings.is_empty()).then(|| encodings.join(","));
    Ok(headers)
}

/// Rejects a value that no response could carry as a header: a form field, or an RFC 2047 encoded word in
/// a header, may hold anything.
fn check_values(headers: &Headers) -> S3Result<()> {
    let Headers {
        content_type,
        content_encoding,
        content_language,
        content_disposition,
        cache_control,
        expires,
        user,
    } = headers;
    let known = [
        ("Content-Type", content_type),
        ("Content-Encoding", content_encoding),
        ("Content-Language", content_language),
        ("Content-Disposition", content_disposition),
        ("Cache-Control", cache_control),
        ("Expires", expires),
    ];
    for (name, value) in known {
        check_value(name, value.as_deref())?;
    }
    for (name, value) in user {
        let is_name = !name.is_empty();
        let name = format!("{USER_METADATA}{name}");
        let is_name = is_name && HeaderName::from_bytes(name.as_bytes()).is_ok();
        // Non-ASCII values are sent as encoded words.
        if !is_name || value.chars().any(char::is_control) {
            return Err(invalid_value(&name));
        }
    }
    Ok(())
}

/// Rejects a value that is not visible ASCII, spaces and tabs (RFC 9110, section 5.5).
pub(super) fn check_value(name: &str, value: Option<&str>) -> S3Result<()> {
    let is_visible = |text: &str| {
        let value = HeaderValue::from_str(text);
        value.is_ok_and(|value| value.to_str().is_ok())
    };
    if value.is_none_or(is_visible) {
        return Ok(());
    }
    Err(invalid_value(name))
}

fn invalid_value(name: &str) -> S3Error {
    // The name itself may be invalid.
    let name = name.escape_default();
    let message = format!("The value of '{name}' cannot be sent as a header.");
    with_message(S3ErrorCode::InvalidArgument, message)
}

/// Returns which object an upload may replace, by `If-Match` and `If-None-Match`.
pub(super) fn overwrite(sent: &SentRequest) -> S3Result<Overwrite> {
    let condition = |name: HeaderName| EntityTags::parse(&sent.headers, &name);
    match (
        condition(header::IF_MATCH),
        condition(header::IF_NONE_MATCH),
    ) {
        (None, None) => Ok(Overwrite::Any),
        (None, Some(EntityTags::Any)) => Ok(Overwrite::None),
        (Some(tags), None) => Ok(Overwrite::Matching(Box::new(move |etag| {
            tags.strongly_match(etag)
        }))),
        // S3 knows `*` alone for uploads, and one condition.
        (_, Some(_)) => Err(error(S3ErrorCode::NotImplemented)),
    }
}
