//! What administrators do: keys, and secrets of tenants.

pub(crate) mod keys;
pub(crate) mod secrets;
