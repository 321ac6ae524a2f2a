//! The settings of how much one tenant, and one key, may do.

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

pub(in crate::config) const TENANT_UPLOAD_BYTES_PER_DAY: Setting = Setting {
    flag: "tenant-upload-bytes-per-day",
    variable: "EVENT_HISTORY_TENANT_UPLOAD_BYTES_PER_DAY",
    value: Number("SIZE"),
    default: None,
    section: LIMITS,
    help: "Sizes of files that one tenant asks to upload in a day (UTC), such as `10GiB`, on each replica \
           since its start; more are answered 429 [default: no limit]",
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

pub(in crate::config) const KEY_REQUESTS_PER_SECOND: Setting = Setting {
    flag: "key-requests-per-second",
    variable: "EVENT_HISTORY_KEY_REQUESTS_PER_SECOND",
    value: Number("COUNT"),
    default: None,
    section: LIMITS,
    help: "Requests with one key that was made through the API a second, averaged over 10 s, on each \
           replica; more are answered 429 [default: no limit]",
};

pub(in crate::config) const KEY_EVENTS_PER_SECOND: Setting = Setting {
    flag: "key-events-per-second",
    variable: "EVENT_HISTORY_KEY_EVENTS_PER_SECOND",
    value: Number("COUNT"),
    default: None,
    section: LIMITS,
    help: "Events sent with one key a second, averaged over 10 s, on each replica; more are answered 429 \
           [default: no limit]",
};

pub(in crate::config) const KEY_EVENTS_PER_DAY: Setting = Setting {
    flag: "key-events-per-day",
    variable: "EVENT_HISTORY_KEY_EVENTS_PER_DAY",
    value: Number("COUNT"),
    default: None,
    section: LIMITS,
    help: "Events sent with one key in a day (UTC), on each replica since its start; more are answered \
           429 [default: no limit]",
};

pub(in crate::config) const KEY_UPLOAD_BYTES_PER_DAY: Setting = Setting {
    flag: "key-upload-bytes-per-day",
    variable: "EVENT_HISTORY_KEY_UPLOAD_BYTES_PER_DAY",
    value: Number("SIZE"),
    default: None,
    section: LIMITS,
    help: "Sizes of files that are asked to be uploaded with one key in a day (UTC), such as `10GiB`, on \
           each replica since its start; more are answered 429 [default: no limit]",
};

pub(in crate::config) const KEY_STREAMS: Setting = Setting {
    flag: "key-streams",
    variable: "EVENT_HISTORY_KEY_STREAMS",
    value: Number("COUNT"),
    default: None,
    section: LIMITS,
    help: "Requests with one key that wait for new events at once, streams included, on each replica; \
           more are answered 429 [default: no limit]",
};
