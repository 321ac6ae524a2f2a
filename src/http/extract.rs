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

/// What a request takes that is neither an event nor a list of thousands of parts: its longest list has a thousand
/// numbers.
const MAX_SMALL_BODY_BYTES: usize = 128 * 1024;

/// The bytes of a body that should be JSON. `Content-Type` is not looked at: callers that curl the
/// API rarely set it, and the API takes nothing else.
#[derive(Debug)]
pub(super) struct JsonBody<const MAX_BYTES: usize>(pub Bytes);

/// What is read as it comes.
pub(super) type SmallBody = JsonBody<MAX_SMALL_BODY_BYTES>;

/// What is read on a thread of its own where it is large: see [`super::offload`].
pub(super) type LargeBody = JsonBody<MAX_BODY_BYTES>;

impl<const MAX_BYTES: usize> FromRequest<Api> for JsonBody<MAX_BYTES> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Api) -> Result<Self, ApiError> {
        Self::read(request.into_body()).await
    }
}

impl<const MAX_BYTES: usize> JsonBody<MAX_BYTES> {
    pub(super) async fn read<B>(body: B) -> Result<Self, ApiError>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>>,
    {
        match Limited::new(body, MAX_BYTES).collect().await {
            Ok(collected) => Ok(Self(collected.to_bytes())),
            Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
                Err(ApiError::TooLarge {
                    limit_bytes: MAX_BYTES,
                })
            }
            Err(_) => Err(ApiError::BodyCutShort),
        }
    }
}
