//! How long a tenant's events live.

pub(crate) mod holds;
pub(crate) mod redaction;
pub(crate) mod retention;
