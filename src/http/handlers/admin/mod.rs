//! Credentials: keys, secrets of tenants, view tokens.

pub(crate) mod keys;
pub(crate) mod secrets;
pub(crate) mod view_tokens;
