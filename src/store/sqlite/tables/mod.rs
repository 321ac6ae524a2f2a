//! The tables of the databases: how rows are written and read, on a connection that the caller has opened.
//!
//! Imports the domain, and of the other rooms only the mapping of errors in `disk/`.

pub(super) mod arrival;
mod counts;
pub(super) mod data_lifecycle;
pub(super) mod event_rows;
pub(super) mod feed;
pub(super) mod file_references;
pub(super) mod page;
pub(super) mod query_filters;
mod row_checksum;
pub(super) mod schema;
pub(super) mod stats;
pub(super) mod tenant_rows;
pub(super) mod words;
