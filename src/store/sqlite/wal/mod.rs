//! Write-ahead logs: what makes it safe to let SQLite recover one, and who may run a checkpoint.
//!
//! [`scan`] refuses a damaged log, [`ownership`] one that belongs to another file, and [`recovery`] makes durable what
//! SQLite is about to read; a [`left_log`] needs none of that. [`usage`] counts what all logs take. Knows nothing of
//! tenants; imports the lock and the layout of the data folder.

pub(super) mod connection;
pub(super) mod left_log;
pub(super) mod ownership;
mod ownership_record;
pub(super) mod recovery;
pub(super) mod reserve;
pub(super) mod scan;
pub(super) mod usage;
