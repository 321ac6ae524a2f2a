//! Administration: keys, tenants and their secrets, view tokens.

pub(crate) mod keys;
pub(crate) mod secrets;
pub(crate) mod tenants;
pub(crate) mod view_tokens;
