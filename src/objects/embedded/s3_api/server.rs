//! Answers each request: applies the limits, authorizes it, and passes it to s3s or to `post_object`.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::BodyExt;
use s3s::auth::{S3Auth, SecretKey};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::route::S3Route;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;
use url::form_urlencoded;

use super::authorizer::{Authorizer, MAX_DOCUMENT_BYTES, check_length};
use super::operations::Adapter;
use super::post_object::PostObject;
use super::request::aws_chunked::ChunkedReader;
use super::request::body::{BodyReader, RequestBody, is_chunked};
use super::request::s3_errors::{RETRY_AFTER_SECONDS, error, with_message};
use super::request::sent_request::for_s3s;
use super::request::tenant_check::SignedAt;
use super::transfer_limits::{Busy, TransferLimiter, TransferPermit};
use crate::domain::file::limits::MAX_SINGLE_UPLOAD_BYTES;
use crate::domain::{Entropy, ObjectKey};
use crate::objects::{Capacity, KeyPair, RequestOrigin, TransferLimits};

/// Limits a form around its file: the fields have a much lower limit.
const MAX_FORM_BYTES: u64 = 1024 * 1024;
/// The methods of an object; POST is for uploads in parts only.
const METHODS: &str = "GET, HEAD, PUT, POST, DELETE";

#[derive(Debug)]
pub(crate) struct S3Server {
    service: S3Service,
    post_object: PostObject,
    authorizer: Authorizer,
    limiter: Arc<TransferLimiter>,
    entropy: Arc<dyn Entropy>,
}

impl S3Server {
    pub(crate) fn new(
        adapter: Adapter,
        key_pair: KeyPair,
        region: &str,
        bucket: &str,
        transfer_limits: Option<TransferLimits>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let config = Arc::new(StaticConfigProvider::new(Arc::new(s3s_config())));
        let mut operations = S3ServiceBuilder::new(adapter.clone());
        operations.set_config(Arc::<StaticConfigProvider>::clone(&config));
        let mut service = S3ServiceBuilder::new(adapter.clone());
        service.set_auth(OneKeyPair(key_pair.clone()));
        service.set_config(config);
        service.set_route(Verified(operations.build()));
        Self {
            service: service.build(),
            post_object: PostObject {
                adapter,
                key_pair,
                region: region.to_owned(),
                bucket: bucket.to_owned(),
            },
            authorizer: Authorizer {
                region: region.to_owned(),
                prefix: format!("/{bucket}/"),
            },
            limiter: TransferLimiter::new(transfer_limits),
            entropy,
        }
    }

    pub(crate) async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let operation = operation(&parts.method);
        let expects_continue = parts.headers.contains_key(header::EXPECT);
        let origin = parts.extensions.get::<RequestOrigin>().copied();
        let body = RequestBody::new(body);
        let written = self.written_key(&parts);
        let permit = self.limiter.acquire(origin.as_ref(), written.as_ref());
        let (permit, mut response) = match permit {
            Ok(permit) => (Some(Arc::new(permit)), self.serve(parts, &body).await),
            Err(busy) => (None, slow_down(busy)),
        };
        // A client that still waits for leave to send its body will not send it now.
        let expects_continue = expects_continue && body.received_bytes() == 0;
        let has_capacity = origin.is_none_or(|origin| origin.capacity == Capacity::Ample);
        if has_capacity && !body.at_end() && !expects_continue && !body.timed_out() {
            let (body, permit) = (Arc::clone(&body), permit.clone());
            tokio::spawn(async move {
                body.drain().await;
                drop(permit);
            });
        }
        self.add_common_headers(&mut response);
        let status = response.status().as_u16().to_string();
        metrics::counter!(
            "event_history_embedded_requests_total",
            "operation" => operation,
            "status" => status,
        )
        .increment(1);
        metrics::counter!("event_history_embedded_received_bytes_total")
            .increment(body.received_bytes());
        match permit {
            Some(permit) => response.map(|body| hold_while_sent(body, permit)),
            None => response,
        }
    }

    async fn serve(&self, parts: Parts, body: &Arc<RequestBody>) -> Response {
        let is_form = self.authorizer.is_bucket(parts.uri.path());
        let answer = if is_form {
            self.post_form(&parts, body).await
        } else {
            match self.authorizer.authorize(&parts) {
                Ok(key) => Ok(self.forward(parts, key, body).await),
                Err(refusal) => Err(refusal),
            }
        };
        answer.unwrap_or_else(|refusal| {
            let code = refusal.code().as_str();
            tracing::debug!(code, "the embedded endpoint rejected a request");
            reject(refusal, if is_form { "POST" } else { METHODS })
        })
    }

    /// Returns the key of the object that a request claims to write.
    fn written_key(&self, parts: &Parts) -> Option<ObjectKey> {
        match parts.method {
            Method::PUT | Method::POST => self.authorizer.key(parts),
            _ => None,
        }
    }

    /// Passes an authorized request to s3s.
    async fn forward(&self, mut parts: Parts, key: ObjectKey, body: &Arc<RequestBody>) -> Response {
        parts.extensions.insert(key.clone());
        parts.extensions.insert(signed_at(&parts.uri));
        parts.extensions.insert(Arc::clone(body));
        let reader = BodyReader(Arc::clone(body));
        let reader = if is_chunked(&parts.headers) {
            s3s::Body::http_body_unsync(ChunkedReader::new(reader))
        } else {
            s3s::Body::http_body_unsync(reader)
        };
        let request = Request::from_parts(parts, reader);
        // s3s logs signed URLs, and the signature that a forged request should have had.
        let answer = self
            .service
            .call(request)
            .with_subscriber(Dispatch::none())
            .await;
        if let Some(cause) = body.failure.get() {
            tracing::error!(%key, error = %cause, "the embedded object storage failed");
        }
        match answer {
            Ok(response) if response.status() == StatusCode::NOT_MODIFIED => {
                response.map(|_| Body::empty())
            }
            Ok(response) => response.map(Body::new),
            Err(_) => reject(error(S3ErrorCode::InternalError), METHODS),
        }
    }

    async fn post_form(&self, parts: &Parts, body: &Arc<RequestBody>) -> S3Result<Response> {
        if parts.method != Method::POST {
            return Err(error(S3ErrorCode::MethodNotAllowed));
        }
        check_length(&parts.headers, MAX_SINGLE_UPLOAD_BYTES + MAX_FORM_BYTES)?;
        let answer = self.post_object.post(&parts.headers, body).await;
        if let Some(cause) = body.failure.get() {
            tracing::error!(error = %cause, "the embedded object storage failed");
        }
        answer
    }

    fn add_common_headers(&self, response: &mut Response) {
        let mut id = [0; 8];
        self.entropy.fill(&mut id);
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&hex::encode_upper(id)) {
            headers.insert(HeaderName::from_static("x-amz-request-id"), id);
        }
        // An upload must never become a page with the rights of this origin.
        let sandbox = HeaderValue::from_static("sandbox");
        headers.insert(header::CONTENT_SECURITY_POLICY, sandbox);
        let nosniff = HeaderValue::from_static("nosniff");
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    }
}

/// Calls the operation of a request whose signature is verified.
struct Verified(S3Service);

#[async_trait]
impl S3Route for Verified {
    fn is_match(&self, _: &Method, _: &Uri, _: &HeaderMap, _: &mut Extensions) -> bool {
        true
    }

    async fn call(&self, request: S3Request<s3s::Body>) -> S3Result<S3Response<s3s::Body>> {
        let answer = self.0.call(for_s3s(request)?).await;
        let answer = answer.map_err(|_| error(S3ErrorCode::InternalError))?;
        let (mut parts, body) = answer.into_parts();
        // s3s does so for GET alone.
        if parts.status == StatusCode::OK && parts.headers.contains_key(header::CONTENT_RANGE) {
            parts.status = StatusCode::PARTIAL_CONTENT;
        }
        let mut answer = S3Response::new(body);
        answer.status = Some(parts.status);
        answer.headers = parts.headers;
        answer.extensions = parts.extensions;
        Ok(answer)
    }
}

/// Limits what s3s holds in memory: a document that the authorizer admits, and nothing of a form, which it
/// never reads.
fn s3s_config() -> S3Config {
    let mut config = S3Config::default();
    config.xml_max_body_size = usize::try_from(MAX_DOCUMENT_BYTES).unwrap_or(usize::MAX);
    config.form_max_field_size = 0;
    config.form_max_fields_size = 0;
    config.form_max_parts = 0;
    config.post_object_max_file_size = 0;
    config
}

/// Looks up the secret of the endpoint's only key pair.
struct OneKeyPair(KeyPair);

#[async_trait]
impl S3Auth for OneKeyPair {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let Self(KeyPair {
            access_key_id,
            secret_access_key,
        }) = self;
        if bool::from(access_key.as_bytes().ct_eq(access_key_id.as_bytes())) {
            return Ok(SecretKey::from(secret_access_key.expose_secret()));
        }
        Err(error(S3ErrorCode::InvalidAccessKeyId))
    }
}

/// Returns the body with the permit, which is dropped with it.
fn hold_while_sent(body: Body, permit: Arc<TransferPermit>) -> Body {
    Body::new(body.map_err(move |error| {
        let _held = &permit;
        error
    }))
}

/// Returns when a presigned URL was signed.
fn signed_at(uri: &http::Uri) -> SignedAt {
    let mut query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let date = query.find(|(name, _)| name == "X-Amz-Date");
    SignedAt::parse(date.as_ref().map(|(_, date)| date.as_ref()))
}

/// Returns the response to a request over a limit.
fn slow_down(busy: Busy) -> Response {
    let reason = busy.reason();
    metrics::counter!("event_history_embedded_busy_total", "reason" => reason).increment(1);
    tracing::info!(
        reason,
        "too many concurrent transfers: see --max-transfers-per-client"
    );
    let message = "Please reduce your request rate.";
    let mut response = reject(with_message(S3ErrorCode::SlowDown, message), METHODS);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Returns the response for an error. `allowed` are the methods to list if this one is not.
fn reject(refusal: S3Error, allowed: &'static str) -> Response {
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
