//! One tenant's open database.
//!
//! [`open_database`] holds what is open: a [`writer`] with a queue, and [`readers`] when somebody reads. The writer stores
//! batches through the [`committer`], which has the log copied into the file by the [`checkpoint`]. All of them share the
//! [`database_file`]. The databases share [`writer_threads`] and connections that read. Imports `wal/`, `tables/` and the
//! folder; knows nothing of the registry or of other tenants.

mod background_thread;
mod checkpoint;
pub(super) mod committer;
mod connect;
mod database_file;
pub(super) mod identity;
pub(super) mod open_database;
mod page_cache;
mod readers;
pub(super) mod writer;
mod writer_threads;
