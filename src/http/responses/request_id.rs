//! The id of each request, for log lines and the header `X-Request-Id`.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::fmt::Hyphenated;

use crate::domain::Entropy;

pub(crate) const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is accepted from a caller: those of tracing systems are shorter.
const MAX_BYTES: usize = 128;

tokio::task_local! {
    pub(crate) static REQUEST_ID: HeaderValue;
}

/// Returns the id of the request that is being answered.
pub(crate) fn current() -> String {
    let id = REQUEST_ID.try_with(|id| id.to_str().unwrap_or_default().to_owned());
    id.unwrap_or_default()
}

/// Returns the caller's id if it is safe to log, so that a request can be followed across services, or else a new one.
pub(crate) fn of_request(headers: &HeaderMap, entropy: &dyn Entropy) -> HeaderValue {
    let is_safe = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=MAX_BYTES).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    if let Some(sent) = headers.get(REQUEST_ID_HEADER).filter(is_safe) {
        return sent.clone();
    }
    let mut text = [0; Hyphenated::LENGTH];
    let id = entropy.uuid_v4().hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("-"))
}
