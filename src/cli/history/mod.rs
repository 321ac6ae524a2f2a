//! The commands that send events to a running service and read them back: one file each. `delivery.rs` sends for those that
//! do, `filters.rs` and `event_table.rs` belong to those that read.

mod delivery;
mod event_table;
mod export;
mod filters;
mod import;
mod query;
mod record;
mod send;
mod tail;

pub(super) use export::{ExportOptions, run as export};
pub(super) use import::{ImportOptions, run as import};
pub(super) use query::{QueryOptions, run as query};
pub(super) use record::{RecordOptions, run as record};
pub(super) use send::{SendOptions, run as send};
pub(super) use tail::{TailOptions, run as tail};
