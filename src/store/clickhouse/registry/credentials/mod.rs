//! The tables of credentials: keys that were made while the service ran, and secrets of tenants that were rotated.

mod keys;
mod secrets;

pub(super) use keys::KeysTables;
pub(super) use secrets::SecretsTable;
