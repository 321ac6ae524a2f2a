//! Admits signed requests for one object, by the head of a request alone.
//!
//! s3s verifies signatures; this decides what a signature may be used for. It rejects whatever s3s would
//! read before it verifies the signature, or would hold in memory. Errors have the code and status of
//! Amazon S3.

use std::borrow::Cow;

use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, header};
use s3s::{S3Error, S3ErrorCode, S3Result};
use url::form_urlencoded;

use super::request::body::is_chunked;
use super::request::s3_errors::{error, invalid_credential, invalid_key, with_message};
use super::request::sent_request::DECODED_LENGTH;
use crate::domain::file::limits::MAX_SINGLE_UPLOAD_BYTES;
use crate::domain::{DatabaseName, FileId, ObjectKey};
use crate::objects::MAX_URL_LIFE;

/// s3s holds the list of parts that completes an upload in memory. With 10,000 parts and a checksum each,
/// it is about 2 MB.
pub(super) const MAX_DOCUMENT_BYTES: u64 = 4 * 1024 * 1024;
/// More parameters, and more signed headers, than any signed URL has: each is compared several times.
const MAX_NAMES: usize = 100;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Headers `x-amz-…` change what is stored, so they have to be signed. The first two of these only describe
/// the body, and the last is added by Amazon `CloudFront`.
const MAY_BE_UNSIGNED: [&str; 3] = [
    "x-amz-content-sha256",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-cf-id",
];
const CHECKSUM: &str = "x-amz-checksum-";

#[derive(Debug)]
pub(super) struct Authorizer {
    pub region: String,
    /// `/<bucket>/`.
    pub prefix: String,
}

impl Authorizer {
    /// Returns true for the path of the bucket itself.
    pub(super) fn is_bucket(&self, path: &str) -> bool {
        path == self.prefix || path == self.prefix.trim_end_matches('/')
    }

    /// Returns the key in the path of a request.
    pub(super) fn key(&self, parts: &Parts) -> Option<ObjectKey> {
        let path = parts.uri.path().strip_prefix(&self.prefix);
        path.and_then(parse_key)
    }

    /// Admits a request for an object and returns its key. The signature itself is not verified here.
    pub(super) fn authorize(&self, parts: &Parts) -> S3Result<ObjectKey> {
        let query = parts.uri.query().unwrap_or_default();
        let query: Vec<_> = form_urlencoded::parse(query.as_bytes())
            .take(MAX_NAMES + 1)
            .collect();
        let has = |wanted: &str| query.iter().any(|(name, _)| name == wanted);
        let is_known = match parts.method {
            Method::GET | Method::HEAD | Method::PUT | Method::DELETE => true,
            Method::POST => (has("uploads") || has("uploadId")) && !is_multipart(&parts.headers),
            _ => false,
        };
        if !is_known {
            return Err(error(S3ErrorCode::MethodNotAllowed));
        }
        if query.len() > MAX_NAMES {
            return Err(too_many_names());
        }
        let signed_headers = self.check_scope(&query, &parts.headers)?;
        check_signed_headers(&parts.headers, &signed_headers)?;
        let key = self.key(parts).ok_or_else(invalid_key)?;
        match parts.method {
            Method::PUT if is_chunked(&parts.headers) => check_decoded_length(&parts.headers)?,
            Method::PUT => check_length(&parts.headers, MAX_SINGLE_UPLOAD_BYTES)?,
            Method::POST if has("uploadId") => check_length(&parts.headers, MAX_DOCUMENT_BYTES)?,
            _ => check_no_body(&parts.headers)?,
        }
        Ok(key)
    }

    /// Checks the scope that the signature claims, and returns the names of the headers that it covers.
    fn check_scope<'a>(
        &self,
        query: &'a [(Cow<'_, str>, Cow<'_, str>)],
        headers: &'a HeaderMap,
    ) -> S3Result<Vec<&'a str>> {
        let parameter = |wanted: &str| {
            let found = query.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_ref())
        };
        if parameter("AWSAccessKeyId").is_some() || parameter("Signature").is_some() {
            return Err(signature_version_2());
        }
        let authorization = headers.get(header::AUTHORIZATION);
        let (malformed, credential, signed_headers) =
            match (parameter("X-Amz-Signature"), authorization) {
                (None, None) => return Err(error(S3ErrorCode::AccessDenied)),
                (Some(_), Some(_)) => {
                    let message = "Only one auth mechanism allowed.";
                    return Err(with_message(S3ErrorCode::InvalidArgument, message));
                }
                (Some(_), None) => {
                    check_query(parameter("X-Amz-Algorithm"), parameter("X-Amz-Expires"))?;
                    (
                        S3ErrorCode::AuthorizationQueryParametersError,
                        parameter("X-Amz-Credential"),
                        parameter("X-Amz-SignedHeaders"),
                    )
                }
                (None, Some(authorization)) => {
                    let fields = authorization.to_str().unwrap_or_default();
                    let fields = fields
                        .strip_prefix(ALGORITHM)
                        .ok_or_else(signature_version_2)?;
                    let field = |name: &str| {
                        let mut fields = fields.split(',');
                        fields.find_map(|field| field.trim().strip_prefix(name))
                    };
                    (
                        S3ErrorCode::AuthorizationHeaderMalformed,
                        field("Credential="),
                        field("SignedHeaders="),
                    )
                }
            };
        let scope = credential.and_then(|credential| credential.split_once('/'));
        let scope: Vec<&str> = scope.map_or_else(Vec::new, |(_, scope)| scope.split('/').collect());
        match scope[..] {
            [_, region, "s3", "aws4_request"] if region == self.region => {}
            [_, region, "s3", "aws4_request"] => {
                let message = format!(
                    "The authorization is malformed; the region '{region}' is wrong; expecting '{}'",
                    self.region
                );
                return Err(with_message(malformed, message));
            }
            _ => return Err(invalid_credential(malformed)),
        }
        let signed_headers = signed_headers.unwrap_or_default().split(';');
        Ok(signed_headers.take(MAX_NAMES + 1).collect())
    }
}

fn signature_version_2() -> S3Error {
    with_message(
        S3ErrorCode::InvalidRequest,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    )
}

fn too_many_names() -> S3Error {
    let message = "There are more parameters or signed headers than a signature covers.";
    with_message(S3ErrorCode::InvalidRequest, message)
}

fn check_query(algorithm: Option<&str>, expires: Option<&str>) -> S3Result<()> {
    if algorithm != Some(ALGORITHM) {
        return Err(with_message(
            S3ErrorCode::AuthorizationQueryParametersError,
            "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"",
        ));
    }
    let expires = expires.and_then(|seconds| seconds.parse::<u64>().ok());
    match expires {
        Some(1..) if expires <= Some(MAX_URL_LIFE.as_secs()) => Ok(()),
        _ => Err(with_message(
            S3ErrorCode::AuthorizationQueryParametersError,
            "X-Amz-Expires must be between 1 and 604800 seconds (a week).",
        )),
    }
}

fn check_signed_headers(headers: &HeaderMap, signed: &[&str]) -> S3Result<()> {
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
        return Err(with_message(
            S3ErrorCode::AccessDenied,
            "There were headers present in the request which were not signed",
        ));
    }
    Ok(())
}

/// Rejects a body without a length or over `max_bytes`.
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
        Some(length) if length > max_bytes => Err(too_large()),
        Some(_) => Ok(()),
    }
}

/// Rejects an upload in AWS's chunked encoding that does not announce its decoded length, or too much. The length on the
/// wire may be unknown: behind a proxy, SDKs send chunks of HTTP.
fn check_decoded_length(headers: &HeaderMap) -> S3Result<()> {
    let length = headers
        .get(DECODED_LENGTH)
        .and_then(|length| length.to_str().ok());
    match length.and_then(|length| length.parse::<u64>().ok()) {
        None => Err(error(S3ErrorCode::MissingContentLength)),
        Some(length) if length > MAX_SINGLE_UPLOAD_BYTES => Err(too_large()),
        Some(_) => Ok(()),
    }
}

fn too_large() -> S3Error {
    let message = "Your proposed upload exceeds the maximum allowed size";
    with_message(S3ErrorCode::EntityTooLarge, message)
}

fn check_no_body(headers: &HeaderMap) -> S3Result<()> {
    let length = headers.get(header::CONTENT_LENGTH);
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(error(S3ErrorCode::MissingContentLength));
    }
    match length {
        Some(length) if length != "0" => Err(with_message(
            S3ErrorCode::MaxMessageLengthExceeded,
            "Your request was too big.",
        )),
        _ => Ok(()),
    }
}

/// Returns true for a form, which s3s would read to its end before anything else.
fn is_multipart(headers: &HeaderMap) -> bool {
    const PREFIX: &str = "multipart/";
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    types.any(|value| {
        let value = value.as_bytes().trim_ascii_start();
        let start = value.get(..PREFIX.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(PREFIX.as_bytes()))
    })
}

/// Parses `<database_name>/<file_id>` in a URL. The two are split before they are decoded: an encoded slash
/// would be part of a name, and no name has one.
fn parse_key(path: &str) -> Option<ObjectKey> {
    let (database_name, file_id) = path.split_once('/')?;
    let file_id = decode(file_id)?;
    let key = ObjectKey {
        database_name: DatabaseName::parse(&decode(database_name)?).ok()?,
        file_id: FileId::parse(&file_id).ok()?,
    };
    // A UUID can be written in other ways, which would be other keys.
    (key.file_id.to_string() == file_id).then_some(key)
}

/// Decodes only `%XX`: in a path, `+` is a plus.
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
