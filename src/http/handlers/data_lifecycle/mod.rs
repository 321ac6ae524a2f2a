//! How long a tenant's events live, and what is removed of them: for administrators, who name the tenant in the path, or by
//! `X-Client-Id` where it is about one event.

pub(crate) mod holds;
pub(crate) mod redaction;
pub(crate) mod retention;
