//! The metrics of this backend.

use metrics::{Unit, describe_gauge};

/// Describes the metrics of this backend.
pub fn describe_metrics() {
    crate::store::append_queue::describe_metrics();
    describe_gauge!(
        "event_history_sqlite_open_tenants",
        "Tenants whose database file is open."
    );
    describe_gauge!(
        "event_history_sqlite_log_bytes",
        Unit::Bytes,
        "Disk space that the write-ahead logs of all tenants take."
    );
}
