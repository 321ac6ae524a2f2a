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
    describe_gauge!(
        "event_history_last_backup_timestamp_seconds",
        Unit::Seconds,
        "When the last completed backup began, in seconds since 1970; absent before the first one."
    );
}
