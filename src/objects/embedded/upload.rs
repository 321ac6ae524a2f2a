//! The parts of a PUT: what its headers ask for, and its body on its way to the disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use s3s::dto::{CreateMultipartUploadInput, ETagCondition, ObjectCannedACL, PutObjectInput};
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders};

use super::adapter::{BLOCK_BYTES, blocking};
use super::digests::{Claims, Finished};
use super::errors::{error, worded};
use super::file::{Headers, Replace, USER, Upload};
use super::intake::Intake;
use super::parts::MAX_PART_NUMBER;

/// Source: Amazon S3 user guide, "Working with object metadata": all names and values together.
const MAX_USER_META_BYTES: usize = 2 * 1024;
/// How `x-amz-content-sha256` starts where the body comes in chunks of AWS's own encoding.
const CHUNKED: &str = "STREAMING-";

pub(super) fn replace(if_none_match: Option<&ETagCondition>) -> S3Result<Replace> {
    match if_none_match {
        None => Ok(Replace::Yes),
        Some(ETagCondition::Any) => Ok(Replace::No),
        Some(ETagCondition::ETag(_)) => Err(error(S3ErrorCode::NotImplemented)),
    }
}

/// What would change what the upload means is refused rather than ignored.
pub(super) fn refuse_unsupported(input: &PutObjectInput) -> S3Result<()> {
    let private = |acl: &ObjectCannedACL| acl.as_str() == "private";
    let asked = [
        ("if-match", input.if_match.is_some()),
        ("x-amz-acl", !input.acl.as_ref().is_none_or(private)),
        (
            "x-amz-object-lock-legal-hold",
            input.object_lock_legal_hold_status.is_some(),
        ),
        ("x-amz-object-lock-mode", input.object_lock_mode.is_some()),
        (
            "x-amz-server-side-encryption",
            input.server_side_encryption.is_some(),
        ),
        (
            "x-amz-server-side-encryption-customer-key",
            input.sse_customer_key.is_some(),
        ),
        ("x-amz-tagging", input.tagging.is_some()),
        (
            "x-amz-website-redirect-location",
            input.website_redirect_location.is_some(),
        ),
        (
            "x-amz-write-offset-bytes",
            input.write_offset_bytes.is_some(),
        ),
    ];
    refuse(&asked)
}

/// Refuses the request if one of the headers that are not implemented has been sent.
pub(super) fn refuse(asked: &[(&str, bool)]) -> S3Result<()> {
    match asked.iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("The header '{name}' is not implemented.");
            Err(worded(S3ErrorCode::NotImplemented, message))
        }
    }
}

pub(super) fn put_headers(input: &mut PutObjectInput) -> S3Result<Headers> {
    checked(Headers {
        content_type: input.content_type.take(),
        content_encoding: input.content_encoding.take(),
        content_language: input.content_language.take(),
        content_disposition: input.content_disposition.take(),
        cache_control: input.cache_control.take(),
        user: input.metadata.take().into_iter().flatten().collect(),
    })
}

pub(super) fn create_headers(input: &mut CreateMultipartUploadInput) -> S3Result<Headers> {
    let private = |acl: &ObjectCannedACL| acl.as_str() == "private";
    refuse(&[
        ("x-amz-acl", !input.acl.as_ref().is_none_or(private)),
        (
            "x-amz-object-lock-legal-hold",
            input.object_lock_legal_hold_status.is_some(),
        ),
        ("x-amz-object-lock-mode", input.object_lock_mode.is_some()),
        (
            "x-amz-server-side-encryption",
            input.server_side_encryption.is_some(),
        ),
        (
            "x-amz-server-side-encryption-customer-key",
            input.sse_customer_key.is_some(),
        ),
        ("x-amz-tagging", input.tagging.is_some()),
        (
            "x-amz-website-redirect-location",
            input.website_redirect_location.is_some(),
        ),
    ])?;
    checked(Headers {
        content_type: input.content_type.take(),
        content_encoding: input.content_encoding.take(),
        content_language: input.content_language.take(),
        content_disposition: input.content_disposition.take(),
        cache_control: input.cache_control.take(),
        user: input.metadata.take().into_iter().flatten().collect(),
    })
}

/// Returns the headers as they are kept: each can be sent with a download.
pub(super) fn checked(mut headers: Headers) -> S3Result<Headers> {
    refuse_unsendable(&headers)?;
    let bytes = |user: &BTreeMap<String, String>| -> usize {
        user.iter()
            .map(|(name, value)| name.len() + value.len())
            .sum()
    };
    if bytes(&headers.user) > MAX_USER_META_BYTES {
        return Err(error(S3ErrorCode::MetadataTooLarge));
    }
    // It tells of the transfer and not of the object.
    let encoding = headers.content_encoding.take().unwrap_or_default();
    let encodings: Vec<&str> = encoding
        .split(',')
        .map(str::trim)
        .filter(|encoding| !encoding.is_empty() && *encoding != "aws-chunked")
        .collect();
    headers.content_encoding = (!encodings.is_empty()).then(|| encodings.join(","));
    Ok(headers)
}

/// Refuses a value that no answer could carry as a header: a field of a form, and an encoded word of
/// RFC 2047 in a header, may hold anything.
fn refuse_unsendable(headers: &Headers) -> S3Result<()> {
    let Headers {
        content_type,
        content_encoding,
        content_language,
        content_disposition,
        cache_control,
        user,
    } = headers;
    let known = [
        ("Content-Type", content_type),
        ("Content-Encoding", content_encoding),
        ("Content-Language", content_language),
        ("Content-Disposition", content_disposition),
        ("Cache-Control", cache_control),
    ];
    for (name, value) in known {
        check_header_value(name, value.as_deref())?;
    }
    for (name, value) in user {
        let name = format!("{USER}{name}");
        let is_name = name.len() > USER.len() && HeaderName::from_bytes(name.as_bytes()).is_ok();
        // What is not ASCII is sent as encoded words.
        if !is_name || value.chars().any(char::is_control) {
            return Err(not_a_header(&name));
        }
    }
    Ok(())
}

/// Refuses a value that is not one of a header, as a request's own headers are: visible ASCII, spaces
/// and tabs (RFC 9110, section 5.5).
pub(super) fn check_header_value(name: &str, value: Option<&str>) -> S3Result<()> {
    let is_visible = |text: &str| {
        let value = HeaderValue::from_str(text);
        value.is_ok_and(|value| value.to_str().is_ok())
    };
    if value.is_none_or(is_visible) {
        return Ok(());
    }
    Err(not_a_header(name))
}

fn not_a_header(name: &str) -> S3Error {
    // The name may be what is wrong.
    let name = name.escape_default();
    let message = format!("The value of '{name}' cannot be sent as a header.");
    worded(S3ErrorCode::InvalidArgument, message)
}

pub(super) fn part_number(number: i32) -> S3Result<u16> {
    u16::try_from(number)
        .ok()
        .filter(|number| (1..=MAX_PART_NUMBER).contains(number))
        .ok_or_else(|| {
            let message = "Part number must be an integer between 1 and 10000, inclusive";
            worded(S3ErrorCode::InvalidArgument, message)
        })
}

pub(super) fn no_such_upload() -> S3Error {
    error(S3ErrorCode::NoSuchUpload)
}

/// An upload on its way in.
pub(super) struct Incoming {
    pub upload: Upload,
    pub claims: Claims,
    /// What will stand behind the body.
    pub trailers: Option<TrailingHeaders>,
    pub intake: Arc<Intake>,
}

impl Incoming {
    /// Writes the body into the upload and holds it against what its sender claims. What is refused is
    /// removed before the refusal is answered.
    pub(super) async fn receive<E>(
        self,
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        size_bytes: Option<u64>,
        broken: impl FnOnce(E) -> S3Error,
    ) -> S3Result<(Upload, Finished)> {
        let Self {
            upload,
            mut claims,
            trailers,
            intake,
        } = self;
        let mut upload = write(body, upload, &intake, broken).await?;
        if size_bytes.is_some_and(|said| said != upload.size_bytes()) {
            return Err(discard(upload, error(S3ErrorCode::IncompleteBody)).await);
        }
        if let Some(trailers) = trailers.and_then(|handle| handle.take()) {
            claims.add_trailers(&trailers);
        }
        let finished = upload.finish();
        match claims.check(&finished) {
            Ok(()) => Ok((upload, finished)),
            Err(mismatch) => Err(discard(upload, mismatch).await),
        }
    }
}

/// Writes the body into the upload, block by block.
async fn write<E>(
    mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    mut upload: Upload,
    intake: &Intake,
    broken: impl FnOnce(E) -> S3Error,
) -> S3Result<Upload> {
    let mut block = Vec::new();
    let mut block_bytes = 0;
    loop {
        let at_end = match body.next().await {
            Some(Ok(chunk)) => {
                block_bytes += chunk.len();
                block.push(chunk);
                false
            }
            None => true,
            Some(Err(error)) => return Err(discard(upload, broken(error)).await),
        };
        if block_bytes >= BLOCK_BYTES || (at_end && block_bytes > 0) {
            let block = std::mem::take(&mut block);
            block_bytes = 0;
            let write = move || upload.write(&block).map(|()| upload);
            upload = blocking(intake, write).await?;
        }
        if at_end {
            return Ok(upload);
        }
    }
}

/// Says why a body could not be read to its end.
pub(super) fn broken(intake: &Intake, headers: &HeaderMap) -> S3Error {
    if intake.timed_out() {
        return error(S3ErrorCode::RequestTimeout);
    }
    if intake.broke_off() {
        return error(S3ErrorCode::IncompleteBody);
    }
    // All of it came, so it was s3s that did not like it: the hash or the chunks are not those signed.
    if is_chunked(headers) {
        return error(S3ErrorCode::SignatureDoesNotMatch);
    }
    let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
    let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    let mut mismatch = worded(code, message);
    mismatch.set_status_code(StatusCode::BAD_REQUEST);
    mismatch
}

pub(super) fn is_chunked(headers: &HeaderMap) -> bool {
    let sha256 = headers.get("x-amz-content-sha256");
    sha256.is_some_and(|value| value.as_bytes().starts_with(CHUNKED.as_bytes()))
}

/// Removes the upload before its sender is answered, and where blocking is allowed: giving back the
/// blocks of a large file takes time.
pub(super) async fn discard(upload: Upload, reason: S3Error) -> S3Error {
    // It cannot fail but by a panic, and then it is the sweep that removes the file.
    let _ = tokio::task::spawn_blocking(move || drop(upload)).await;
    reason
}
