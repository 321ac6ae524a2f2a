//! Reads the limits of tenants and keys.

use super::settings::{self, Setting};
use super::sources::Sources;
use super::values;
use crate::domain::UsageLimits;

/// More than any service does in a day.
const MAX_LIMIT: usize = 1_000_000_000;

/// 900 TiB: a number of bytes that has the 15 digits of integers in headers.
/// Source: RFC 9651, section 3.3.1.
const MAX_BYTES: u64 = 900 << 40;

/// The settings of one kind of party.
struct Settings {
    requests_per_second: &'static Setting,
    events_per_second: &'static Setting,
    events_per_day: &'static Setting,
    upload_bytes_per_day: &'static Setting,
    streams: &'static Setting,
}

/// Returns the limits of each tenant, and of each key.
pub(super) fn parse(sources: &mut Sources) -> (UsageLimits, UsageLimits) {
    let of_tenant = Settings {
        requests_per_second: &settings::TENANT_REQUESTS_PER_SECOND,
        events_per_second: &settings::TENANT_EVENTS_PER_SECOND,
        events_per_day: &settings::TENANT_EVENTS_PER_DAY,
        upload_bytes_per_day: &settings::TENANT_UPLOAD_BYTES_PER_DAY,
        streams: &settings::TENANT_STREAMS,
    };
    let of_key = Settings {
        requests_per_second: &settings::KEY_REQUESTS_PER_SECOND,
        events_per_second: &settings::KEY_EVENTS_PER_SECOND,
        events_per_day: &settings::KEY_EVENTS_PER_DAY,
        upload_bytes_per_day: &settings::KEY_UPLOAD_BYTES_PER_DAY,
        streams: &settings::KEY_STREAMS,
    };
    (limits(sources, &of_tenant), limits(sources, &of_key))
}

fn limits(sources: &mut Sources, settings: &Settings) -> UsageLimits {
    let mut count = |setting| sources.parse(setting, |text| values::count(text, 1, MAX_LIMIT));
    let number = |limit: Option<usize>| limit.and_then(|it| u64::try_from(it).ok());
    UsageLimits {
        requests_per_second: number(count(settings.requests_per_second)),
        events_per_second: number(count(settings.events_per_second)),
        events_per_day: number(count(settings.events_per_day)),
        streams: count(settings.streams),
        upload_bytes_per_day: sources.parse(settings.upload_bytes_per_day, |text| {
            values::size(text, 1, MAX_BYTES)
        }),
    }
}
