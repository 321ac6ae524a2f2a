//! The handlers, one file per noun: each extracts, calls the service once, and responds. They import `extractors`, `responses`
//! and `state`, and nothing here imports another handler.

pub(super) mod admin;
pub(super) mod data_lifecycle;
pub(super) mod event_batch;
pub(super) mod event_bridge;
pub(super) mod feed;
pub(super) mod history;
pub(super) mod multipart_uploads;
pub(super) mod operations;
pub(super) mod records;
pub(super) mod stats;
pub(super) mod tenant_lifecycle;
pub(super) mod type_names;
pub(super) mod uploads;
