//! The headers that tell a caller what is left of its limits.
//! Source: draft-ietf-httpapi-ratelimit-headers-11, "`RateLimit` header fields for HTTP".

use std::fmt::Write;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::Limit;
use crate::service::Standing;

pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Adds both headers, if there is any limit.
pub(crate) fn add(headers: &mut HeaderMap, standings: &[Standing]) {
    let (mut policies, mut states) = (String::new(), String::new());
    for standing in standings {
        let Standing {
            party,
            limit,
            quota,
            window,
            left,
            full_after,
        } = standing;
        let separator = if policies.is_empty() { "" } else { ", " };
        let name = party.limit_name(*limit);
        // `requests` is the default. The draft registers no unit for events.
        let unit = match limit {
            Limit::Requests => "",
            Limit::Events | Limit::EventsOfDay => ";qu=\"events\"",
            Limit::UploadsOfDay => ";qu=\"content-bytes\"",
        };
        let window = window.as_secs();
        // Writing to a string cannot fail.
        let _ = write!(policies, "{separator}\"{name}\";q={quota}{unit};w={window}");
        let seconds = full_after.as_secs_f64().ceil();
        let _ = write!(states, "{separator}\"{name}\";r={left};t={seconds}");
    }
    let values = [(RATE_LIMIT_POLICY, policies), (RATE_LIMIT, states)];
    for (name, value) in values.into_iter().filter(|(_, value)| !value.is_empty()) {
        // Names, numbers and punctuation alone.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}
