//! One tenant's open database.
//!
//! [`open_database`] holds what is open: readers, and a [`writer_thread`] with a queue. The thread stores batches
//! through the [`committer`], which has the log copied into the file by the [`checkpoint`]. All of them share the
//! [`database_file`]. Imports `wal/`, `tables/` and the folder; knows nothing of the registry or of other tenants.

mod background_thread;
mod checkpoint;
mod committer;
mod connect;
mod database_file;
pub(super) mod identity;
pub(super) mod open_database;
mod page_cache;
pub(super) mod writer_thread;
