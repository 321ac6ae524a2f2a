//! Reading a request's body, up to a limit, and labelling an answer's.

use axum::BoxError;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::Api;
use super::error::ApiError;

/// What a body of JSON that is no axum [`Json`](axum::Json) is labelled with.
pub(super) const JSON: (HeaderName, HeaderValue) =
    (CONTENT_TYPE, HeaderValue::from_static("application/json"));

/// The largest event, as the length of its `detail`: what EventBridge carries.
/// Source: Amazon EventBridge quotas, "`PutEvents` entry size".
pub(super) const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// Room for the envelope around an event: its other members take a few hundred bytes, `resources`
/// may list names of up to two kilobytes each.
const ENVELOPE_BYTES: usize = 64 * 1024;

const MAX_BODY_BYTES: usize = MAX_EVENT_BYTES + ENVELOPE_BYTES;

/// The bytes of a body that should be JSON. `Content-Type` is not looked at: callers that curl the
/// API rarely set it, and the API takes nothing else.
#[derive(Debug)]
pub(super) struct JsonBody(pub Bytes);

impl FromRequest<Api> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Api) -> Result<Self, ApiError> {
        Self::read(request.into_body()).await
    }
}

impl JsonBody {
    pub(super) async fn read<B>(body: B) -> Result<Self, ApiError>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>>,
    {
        match Limited::new(body, MAX_BODY_BYTES).collect().await {
            Ok(collected) => Ok(Self(collected.to_bytes())),
            Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
                Err(ApiError::TooLarge {
                    limit_bytes: MAX_BODY_BYTES,
                })
            }
            Err(_) => Err(ApiError::BodyCutShort),
        }
    }
}
