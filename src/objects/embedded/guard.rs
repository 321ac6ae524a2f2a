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

use super::admission::{
    ALGORITHM, MAX_NAMES, check_length, check_no_body, check_query, check_signed_headers,
    is_multipart, parse_key, too_many_names,
};
use super::errors::{error, worded};
use super::form::Forms;
use super::intake::{Intake, Reader};
use super::tenancy::SignedAt;
use super::transfers::{Busy, Counted, Transfers};
use crate::domain::file::limits::MAX_SINGLE_UPLOAD_BYTES;
use crate::domain::{Entropy, ObjectKey};
use crate::objects::{Capacity, RequestOrigin};

/// What surrounds the file in a form: its fields are limited well below this.
const MAX_FORM_BYTES: u64 = 1024 * 1024;
/// s3s holds the list of parts that completes an upload in memory; that of 10,000 parts, with a checksum
/// each, is about 2 MB.
pub(super) const MAX_DOCUMENT_BYTES: u64 = 4 * 1024 * 1024;
/// When to come again where there is no room now.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The methods that an object knows, POST for uploads in parts alone.
const METHODS: &str = "GET, HEAD, PUT, POST, DELETE";
pub(super) struct Guard {
    pub service: S3Service,
    pub forms: Forms,
    pub region: String,
    /// `/<bucket>/`.
    pub prefix: String,
    pub transfers: Arc<Transfers>,
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
        let origin = parts.extensions.get::<RequestOrigin>().copied();
        let intake = Intake::new(body);
        let transfer = self
            .transfers
            .begin(origin.as_ref(), self.written(&parts).as_ref());
        let mut response = match &transfer {
            Ok(_) => self.admitted(parts, is_form, &intake).await,
            Err(busy) => refuse_for_now(*busy),
        };
        let transfer = transfer.ok().map(Arc::new);
        let awaits_leave = awaits_leave && intake.received_bytes() == 0;
        let has_room = origin.is_none_or(|origin| origin.capacity == Capacity::Ample);
        if has_room && !intake.at_end() && !awaits_leave && !intake.timed_out() {
            tokio::spawn(Arc::clone(&intake).drain(transfer.clone()));
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
        match transfer {
            Some(transfer) => response.map(|body| Body::new(Counted { body, transfer })),
            None => response,
        }
    }

    /// Answers a request that there is room for.
    async fn admitted(&self, parts: Parts, is_form: bool, intake: &Arc<Intake>) -> Response {
        let allowed = if is_form { "POST" } else { METHODS };
        let answer = if is_form {
            self.take_form(&parts, intake).await
        } else {
            match self.admit(&parts) {
                Ok(key) => Ok(self.pass_on(parts, key, intake).await),
                Err(refusal) => Err(refusal),
            }
        };
        answer.unwrap_or_else(|refusal| {
            let code = refusal.code().as_str();
            tracing::debug!(code, "refused at the embedded endpoint");
            refuse(refusal, allowed)
        })
    }

    /// Returns the object that a request says it writes to.
    fn written(&self, parts: &Parts) -> Option<ObjectKey> {
        match parts.method {
            Method::PUT | Method::POST => self.key(parts),
            _ => None,
        }
    }

    fn key(&self, parts: &Parts) -> Option<ObjectKey> {
        let path = parts.uri.path().strip_prefix(&self.prefix);
        path.and_then(parse_key)
    }

    async fn pass_on(&self, mut parts: Parts, key: ObjectKey, intake: &Arc<Intake>) -> Response {
        parts.extensions.insert(key.clone());
        parts.extensions.insert(signed_at(&parts.uri));
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

    /// Lets a request in by its head alone. What s3s would read before it verifies the signature, or what
    /// it would hold in memory, is refused here.
    fn admit(&self, parts: &Parts) -> S3Result<ObjectKey> {
        let query = parts.uri.query().unwrap_or_default();
        let query: Vec<_> = form_urlencoded::parse(query.as_bytes())
            .take(MAX_NAMES + 1)
            .collect();
        let asks_for = |wanted: &str| query.iter().any(|(name, _)| name == wanted);
        let is_known = match parts.method {
            Method::GET | Method::HEAD | Method::PUT | Method::DELETE => true,
            Method::POST => {
                (asks_for("uploads") || asks_for("uploadId")) && !is_multipart(&parts.headers)
            }
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
        let key = self.key(parts).ok_or_else(foreign_key)?;
        match parts.method {
            Method::PUT => check_length(&parts.headers, MAX_SINGLE_UPLOAD_BYTES)?,
            Method::POST if asks_for("uploadId") => {
                check_length(&parts.headers, MAX_DOCUMENT_BYTES)?;
            }
            _ => check_no_body(&parts.headers)?,
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
        let signed_headers = signed_headers.unwrap_or_default().split(';');
        Ok(signed_headers.take(MAX_NAMES + 1).collect())
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

/// Returns when a presigned URL was signed.
fn signed_at(uri: &http::Uri) -> SignedAt {
    let mut query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let date = query.find(|(name, _)| name == "X-Amz-Date");
    SignedAt::parse(date.as_ref().map(|(_, date)| date.as_ref()))
}

pub(super) fn foreign_key() -> S3Error {
    worded(
        S3ErrorCode::InvalidArgument,
        "The key is not of the form '<database_name>/<file_id>'.",
    )
}

/// Answers that the client should come again.
fn refuse_for_now(busy: Busy) -> Response {
    let reason = busy.reason();
    metrics::counter!("event_history_embedded_busy_total", "reason" => reason).increment(1);
    tracing::info!(
        reason,
        "too many transfers at once: see --max-transfers-per-client"
    );
    let refusal = worded(S3ErrorCode::SlowDown, "Please reduce your request rate.");
    let mut response = refuse(refusal, METHODS);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
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
