//! Reading a request's body, up to a limit, and labelling an answer's.

use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use http_body::Body;
use http_body_util::BodyExt;

use super::Api;
use super::error::ApiError;
use super::room::Room;

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

/// What of every body is read without asking for memory: all of an ordinary one.
const FREE_BYTES: usize = 16 * 1024;

/// A body is in memory as it was sent, and as the event that is made of it.
const COPIES: usize = 2;

/// The bytes of a body that should be JSON. `Content-Type` is not looked at: callers that curl the
/// API rarely set it, and the API takes nothing else.
///
/// A large one takes its place in the memory for all of them ([`Api`]) before it is read, and has it until this is
/// dropped.
#[derive(Debug)]
pub(super) struct JsonBody<const MAX_BYTES: usize>(pub Bytes, pub Option<Room>);

/// What is read as it comes.
pub(super) type SmallBody = JsonBody<MAX_SMALL_BODY_BYTES>;

/// What is read on a thread of its own where it is large: see [`super::offload`].
pub(super) type LargeBody = JsonBody<MAX_BODY_BYTES>;

impl<const MAX_BYTES: usize> FromRequest<Api> for JsonBody<MAX_BYTES> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        Self::read(request.into_body(), api).await
    }
}

impl<const MAX_BYTES: usize> JsonBody<MAX_BYTES> {
    pub(super) async fn read<B>(mut body: B, api: &Api) -> Result<Self, ApiError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let declared = body.size_hint().upper();
        let declared = declared.map_or(MAX_BYTES, |it| usize::try_from(it).unwrap_or(usize::MAX));
        let mut all = Bytes::new();
        let mut room = None;
        let mut parts = BytesMut::new();
        loop {
            let length = all.len() + parts.len();
            if declared > MAX_BYTES || length > MAX_BYTES {
                return Err(ApiError::TooLarge {
                    limit_bytes: MAX_BYTES,
                });
            }
            if length > FREE_BYTES && room.is_none() && !body.is_end_stream() {
                let bytes = u32::try_from(COPIES * declared).unwrap_or(u32::MAX);
                room = Some(api.bodies.room(bytes).await);
            }
            let Some(frame) = body.frame().await else {
                break;
            };
            let Ok(data) = frame.map_err(|_| ApiError::BodyCutShort)?.into_data() else {
                continue; // trailers
            };
            if length == 0 {
                all = data; // most often it is all there is
            } else {
                parts.reserve(if parts.is_empty() {
                    declared
                } else {
                    data.len()
                });
                parts.extend_from_slice(&std::mem::take(&mut all));
                parts.extend_from_slice(&data);
            }
        }
        let bytes = if parts.is_empty() {
            all
        } else {
            parts.freeze()
        };
        Ok(Self(bytes, room))
    }
}
