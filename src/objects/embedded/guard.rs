//! What stands in front of s3s: it lets in signed requests for one object, by AWS's rules, and no others.
//!
//! s3s verifies signatures; what a signature is good for is decided here. Each refusal has the code and
//! status of Amazon S3, so that a client sees no difference.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use s3s::service::S3Service;
use s3s::{S3Error, S3ErrorCode, S3Result};
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;
use url::form_urlencoded;

use super::errors::{error, worded};
use super::form::Forms;
use super::intake::{Intake, Reader};
use super::upload::is_chunked;
use crate::domain::file::limits::MAX_SINGLE_UPLOAD_BYTES;
use crate::domain::{DatabaseName, Entropy, FileId, ObjectKey};
use crate::objects::MAX_URL_LIFE;

/// What surrounds the file in a form: its fields are limited well below this.
const MAX_FORM_BYTES: u64 = 1024 * 1024;
/// s3s holds the list of parts that completes an upload in memory; that of 10,000 parts, with a checksum
/// each, is about 2 MB.
const MAX_DOCUMENT_BYTES: u64 = 4 * 1024 * 1024;
/// s3s holds each chunk of AWS's chunked encoding in memory, and the client chooses their size. Only
/// clients that have the key pair can send it: for a presigned URL it is refused.
const MAX_CHUNKED_BYTES: u64 = 16 * 1024 * 1024;

/// The methods that an object knows, POST for uploads in parts alone.
const METHODS: &str = "GET, HEAD, PUT, POST, DELETE";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What the headers `x-amz-…` say changes what is stored, so they have to be signed; not these, which
/// say what the body is, or nothing of it: the last is added by AWS's CDN.
const MAY_BE_UNSIGNED: [&str; 3] = [
    "x-amz-content-sha256",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-cf-id",
];
const CHECKSUM: &str = "x-amz-checksum-";

pub(super) struct Guard {
    pub service: S3Service,
    pub forms: Forms,
    pub region: String,
    /// `/<bucket>/`.
    pub prefix: String,
    pub entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("region", &self.region)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Guard {
    pub(super) async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let is_form = self.is_bucket(parts.uri.path());
        let operation = operation(&parts.method);
        let awaits_leave = parts.headers.contains_key(header::EXPECT);
        let intake = Intake::new(body);
        let allowed = if is_form { "POST" } else { METHODS };
        let answer = if is_form {
            self.take_form(&parts, &intake).await
        } else {
            match self.admit(&parts) {
                Ok(key) => Ok(self.pass_on(parts, key, &intake).await),
                Err(refusal) => Err(refusal),
            }
        };
        let mut response = answer.unwrap_or_else(|refusal| {
            let code = refusal.code().as_str();
            tracing::debug!(code, "refused at the embedded endpoint");
            refuse(refusal, allowed)
        });
        let awaits_leave = awaits_leave && intake.received_bytes() == 0;
        if !intake.at_end() && !awaits_leave {
            tokio::spawn(Arc::clone(&intake).drain());
        }
        self.dress(&mut response);
        let status = response.status().as_u16().to_string();
        metrics::counter!(
            "event_history_embedded_requests_total",
            "operation" => operation,
            "status" => status,
        )
        .increment(1);
        metrics::counter!("event_history_embedded_received_bytes_total")
            .increment(intake.received_bytes());
        response
    }

    async fn pass_on(&self, mut parts: Parts, key: ObjectKey, intake: &Arc<Intake>) -> Response {
        parts.extensions.insert(key.clone());
        parts.extensions.insert(Arc::clone(intake));
        let request = Request::from_parts(parts, Reader(Arc::clone(intake)));
        let request = request.map(s3s::Body::http_body_unsync);
        // s3s logs signed URLs, and the signature that a forged request should have had.
        let answer = self
            .service
            .call(request)
            .with_subscriber(Dispatch::none())
            .await;
        if let Some(cause) = intake.failure.get() {
            tracing::error!(%key, error = %cause, "the embedded object storage failed");
        }
        match answer {
            Ok(response) if response.status() == StatusCode::NOT_MODIFIED => {
                response.map(|_| Body::empty())
            }
            Ok(response) => response.map(Body::new),
            Err(_) => refuse(error(S3ErrorCode::InternalError), METHODS),
        }
    }

    /// Tells whether this is the path of the bucket and not of an object.
    fn is_bucket(&self, path: &str) -> bool {
        path == self.prefix || path == self.prefix.trim_end_matches('/')
    }

    async fn take_form(&self, parts: &Parts, intake: &Arc<Intake>) -> S3Result<Response> {
        if parts.method != Method::POST {
            return Err(error(S3ErrorCode::MethodNotAllowed));
        }
        check_length(&parts.headers, MAX_SINGLE_UPLOAD_BYTES + MAX_FORM_BYTES)?;
        let answer = self.forms.take(&parts.headers, intake).await;
        if let Some(cause) = intake.failure.get() {
            tracing::error!(error = %cause, "the embedded object storage failed");
        }
        answer
    }

    fn admit(&self, parts: &Parts) -> S3Result<ObjectKey> {
        let query = parts.uri.query().unwrap_or_default();
        let query: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let asks_for = |wanted: &str| query.iter().any(|(name, _)| name == wanted);
        let is_known = match parts.method {
            Method::GET | Method::HEAD | Method::PUT | Method::DELETE => true,
            Method::POST => asks_for("uploads") || asks_for("uploadId"),
            _ => false,
        };
        if !is_known {
            return Err(error(S3ErrorCode::MethodNotAllowed));
        }
        let signed_headers = self.check_scope(&query, &parts.headers)?;
        check_signed_headers(&parts.headers, &signed_headers)?;
        let key = parts
            .uri
            .path()
            .strip_prefix(&self.prefix)
            .and_then(parse_key);
        let key = key.ok_or_else(foreign_key)?;
        match parts.method {
            Method::PUT => check_length(&parts.headers, MAX_SINGLE_UPLOAD_BYTES)?,
            Method::POST if asks_for("uploadId") => {
                check_length(&parts.headers, MAX_DOCUMENT_BYTES)?;
            }
            _ => {}
        }
        Ok(key)
    }

    /// Checks what the signature claims to be, and returns the names of the headers that it covers.
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
            return Err(version_2());
        }
        let authorization = headers.get(header::AUTHORIZATION);
        let (malformed, credential, signed_headers) =
            match (parameter("X-Amz-Signature"), authorization) {
                (None, None) => return Err(error(S3ErrorCode::AccessDenied)),
                (Some(_), Some(_)) => {
                    return Err(worded(
                        S3ErrorCode::InvalidArgument,
                        "Only one auth mechanism allowed.",
                    ));
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
                    let fields = fields.strip_prefix(ALGORITHM).ok_or_else(version_2)?;
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
                return Err(worded(malformed, message));
            }
            _ => {
                let message = "The credential is not '<key>/<date>/<region>/s3/aws4_request'.";
                return Err(worded(malformed, message));
            }
        }
        Ok(signed_headers.unwrap_or_default().split(';').collect())
    }

    /// Adds what every answer carries.
    fn dress(&self, response: &mut Response) {
        let mut id = [0; 8];
        self.entropy.fill(&mut id);
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&hex::encode_upper(id)) {
            headers.insert(HeaderName::from_static("x-amz-request-id"), id);
        }
        // Whatever somebody uploads must not become a page with the rights of this origin.
        let sandbox = HeaderValue::from_static("sandbox");
        headers.insert(header::CONTENT_SECURITY_POLICY, sandbox);
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
    }
}

fn check_query(algorithm: Option<&str>, expires: Option<&str>) -> S3Result<()> {
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

fn check_signed_headers(headers: &HeaderMap, signed: &[&str]) -> S3Result<()> {
    let must_be_signed = |name: &str| {
        name.starts_with("x-amz-")
            && !name.starts_with(CHECKSUM)
            && !MAY_BE_UNSIGNED.contains(&name)
    };
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

pub(super) fn foreign_key() -> S3Error {
    worded(
        S3ErrorCode::InvalidArgument,
        "The key is not of the form '<database_name>/<file_id>'.",
    )
}

fn check_length(headers: &HeaderMap, max_bytes: u64) -> S3Result<()> {
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

/// Parses `<database_name>/<file_id>` as it stands in a URL. The two are split before they are decoded:
/// an encoded slash is a character of a name, which no name has.
fn parse_key(path: &str) -> Option<ObjectKey> {
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

fn version_2() -> S3Error {
    worded(
        S3ErrorCode::InvalidRequest,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    )
}

/// `allowed` are the methods that the refused one is not of.
fn refuse(refusal: S3Error, allowed: &'static str) -> Response {
    let is_method = *refusal.code() == S3ErrorCode::MethodNotAllowed;
    let Ok(response) = refusal.to_http_response() else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    };
    let mut response = response.map(Body::new);
    if is_method {
        let allowed = HeaderValue::from_static(allowed);
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

fn operation(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::HEAD => "head",
        Method::PUT => "put",
        Method::POST => "post",
        Method::DELETE => "delete",
        _ => "other",
    }
}
