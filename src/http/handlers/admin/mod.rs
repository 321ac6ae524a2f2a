//! Administration: keys, and the secrets of tenants.

pub(crate) mod keys;
pub(crate) mod secrets;
