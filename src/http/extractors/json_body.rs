//! Reads a request's body, up to a limit.

use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::http::responses::{ApiError, ApiResult};
use crate::http::state::{AppState, MemoryPermit};

/// The largest event, as the length of its `detail`: the limit of EventBridge.
/// Source: Amazon EventBridge quotas, "`PutEvents` entry size".
pub(crate) const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// The envelope around an event: its other members take a few hundred bytes, `resources`
/// may list names of up to two kilobytes each.
const ENVELOPE_BYTES: usize = 64 * 1024;

const MAX_BODY_BYTES: usize = MAX_EVENT_BYTES + ENVELOPE_BYTES;

/// The limit for requests other than an event or a list of thousands of parts: their longest list has a thousand numbers.
const MAX_SMALL_BODY_BYTES: usize = 128 * 1024;

/// Bytes that are read outside the budget: all of an ordinary body.
const UNBUDGETED_BYTES: usize = 16 * 1024;

/// A body is in memory as it was sent, and as the parsed event.
const COPIES: usize = 2;

/// The bytes of a body that should be JSON. `Content-Type` is ignored: callers that curl the
/// API rarely set it, and the API accepts nothing else.
///
/// A large one has a permit of the budget for bodies, from before it is read until this is dropped.
#[derive(Debug)]
pub(crate) struct JsonBody<const MAX_BYTES: usize>(pub Bytes, pub Option<MemoryPermit>);

pub(crate) type SmallBody = JsonBody<MAX_SMALL_BODY_BYTES>;

/// A body to be parsed in the CPU pool of the state.
pub(crate) type LargeBody = JsonBody<MAX_BODY_BYTES>;

impl<const MAX_BYTES: usize> FromRequest<Arc<AppState>> for JsonBody<MAX_BYTES> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Arc<AppState>) -> ApiResult<Self> {
        let mut body = request.into_body();
        let declared = body.size_hint().upper();
        let declared = declared.map_or(MAX_BYTES, |it| usize::try_from(it).unwrap_or(usize::MAX));
        let mut all = Bytes::new();
        let mut permit = None;
        let mut parts = BytesMut::new();
        loop {
            let length = all.len() + parts.len();
            if declared > MAX_BYTES || length > MAX_BYTES {
                return Err(ApiError::TooLarge {
                    limit_bytes: MAX_BYTES,
                });
            }
            if length > UNBUDGETED_BYTES && permit.is_none() && !body.is_end_stream() {
                let bytes = u32::try_from(COPIES * declared).unwrap_or(u32::MAX);
                permit = Some(state.body_budget.acquire(bytes).await);
            }
            let Some(frame) = body.frame().await else {
                break;
            };
            let Ok(data) = frame.map_err(|_| ApiError::BodyCutShort)?.into_data() else {
                continue; // trailers
            };
            if length == 0 {
                all = data; // usually the whole body
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
        Ok(Self(bytes, permit))
    }
}
