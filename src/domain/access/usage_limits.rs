//! How much a tenant or a key may do.

/// The operator's limits for each tenant, or for each stored key, on each replica; `None`: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsageLimits {
    pub requests_per_second: Option<u64>,
    pub events_per_second: Option<u64>,
    /// Of a day in UTC.
    pub events_per_day: Option<u64>,
    /// The sizes of files that are to be uploaded. Of a day in UTC.
    pub upload_bytes_per_day: Option<u64>,
    /// Requests that wait for new events at once, streams included.
    pub streams: Option<usize>,
}

/// A limit: requests or events over some seconds, or an amount of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Requests,
    Events,
    EventsOfDay,
    UploadsOfDay,
}

/// Whom a limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitedParty {
    Tenant,
    /// A key that was made through the API.
    Key,
}

impl LimitedParty {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Key => "key",
        }
    }

    /// Returns the name of one of its limits in metrics and headers.
    pub const fn limit_name(self, limit: Limit) -> &'static str {
        match (self, limit) {
            (Self::Tenant, Limit::Requests) => "requests",
            (Self::Tenant, Limit::Events) => "events",
            (Self::Tenant, Limit::EventsOfDay) => "events-day",
            (Self::Tenant, Limit::UploadsOfDay) => "uploads-day",
            (Self::Key, Limit::Requests) => "key-requests",
            (Self::Key, Limit::Events) => "key-events",
            (Self::Key, Limit::EventsOfDay) => "key-events-day",
            (Self::Key, Limit::UploadsOfDay) => "key-uploads-day",
        }
    }
}
