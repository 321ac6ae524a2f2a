//! The parts of a PUT: what its headers ask for, and its body on its way to the disk.

use futures_util::StreamExt;
use http::{HeaderMap, StatusCode};
use s3s::dto::{ETagCondition, ObjectCannedACL, PutObjectInput, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::adapter::{BLOCK_BYTES, blocking};
use super::errors::{error, worded};
use super::file::{Headers, Replace, Upload};
use super::intake::Intake;

/// Source: Amazon S3 user guide, "Working with object metadata": all names and values together.
const MAX_USER_META_BYTES: usize = 2 * 1024;
/// How `x-amz-content-sha256` starts where the body comes in chunks of AWS's own encoding.
const CHUNKED: &str = "STREAMING-";

pub(super) fn replace(input: &PutObjectInput) -> S3Result<Replace> {
    match input.if_none_match {
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
    match asked.iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("The header '{name}' is not implemented.");
            Err(worded(S3ErrorCode::NotImplemented, message))
        }
    }
}

pub(super) fn headers(input: &PutObjectInput) -> S3Result<Headers> {
    let user = input.metadata.iter().flatten();
    let user_bytes: usize = user
        .clone()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if user_bytes > MAX_USER_META_BYTES {
        return Err(error(S3ErrorCode::MetadataTooLarge));
    }
    // It tells of the transfer and not of the object.
    let encoding = input.content_encoding.as_deref().unwrap_or_default();
    let encodings: Vec<&str> = encoding
        .split(',')
        .map(str::trim)
        .filter(|encoding| !encoding.is_empty() && *encoding != "aws-chunked")
        .collect();
    Ok(Headers {
        content_type: input.content_type.clone(),
        content_encoding: (!encodings.is_empty()).then(|| encodings.join(",")),
        content_language: input.content_language.clone(),
        content_disposition: input.content_disposition.clone(),
        cache_control: input.cache_control.clone(),
        user: user
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    })
}

/// Writes the body into the upload, block by block.
pub(super) async fn receive(
    mut body: StreamingBlob,
    mut upload: Upload,
    intake: &Intake,
    headers: &HeaderMap,
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
            Some(Err(_)) => return Err(discard(upload, broken(intake, headers)).await),
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
fn broken(intake: &Intake, headers: &HeaderMap) -> S3Error {
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
