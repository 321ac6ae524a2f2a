//! The settings of how much one tenant may do.

use super::Kind::Number;
use super::{LIMITS, Setting};

pub(in crate::config) const TENANT_REQUESTS_PER_SECOND: Setting = Setting {
    flag: "tenant-requests-per-second",
    variable: "EVENT_HISTORY_TENANT_REQUESTS_PER_SECOND",
    value: Number("COUNT"),
    default: None,
    section: LIMITS,
    help: "Requests of one tenant a second, averaged over 10 s, on each replica; more are answered \
           429 [default: no limit]",
};

pub(in crate::config) const TENANT_EVENTS_PER_SECOND: Setting = Setting {
    flag: "tenant-events-per-second",
    variable: "EVENT_HISTORY_TENANT_EVENTS_PER_SECOND",
    value: Number("COUNT"),
    default: None,
    section: LIMITS,
    help: "Events sent to one tenant a second, averaged over 10 s, on each replica; more are answered \
           429 [default: no limit]",
};

pub(in crate::config) const TENANT_EVENTS_PER_DAY: Setting = Setting {
    flag: "tenant-events-per-day",
    variable: "EVENT_HISTORY_TENANT_EVENTS_PER_DAY",
    value: Number("COUNT"),
    default: None,
    section: LIMITS,
    help: "Events sent to one tenant in a day (UTC), on each replica since its start; more are \
           answered 429 [default: no limit]",
};

pub(in crate::config) const TENANT_STREAMS: Setting = Setting {
    flag: "tenant-streams",
    variable: "EVENT_HISTORY_TENANT_STREAMS",
    value: Number("COUNT"),
    default: None,
    section: LIMITS,
    help: "Requests of one tenant that wait for new events at once, streams included, on each replica; \
           more are answered 429 [default: a quarter of --max-connections, answered 503]",
};
