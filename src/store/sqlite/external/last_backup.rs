//! When the last backup of a folder began, which the backup notes there, so that the service can report it.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use metrics::gauge;
use serde::{Deserialize, Serialize};

use crate::durable_file;
use crate::store::sqlite::disk::layout::Layout;

/// The last backup of a folder that was completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBackup {
    /// Its name in its target.
    pub name: String,
    /// Everything acknowledged before is in it.
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
}

impl LastBackup {
    /// Notes this in `folder`, durably.
    pub fn note(&self, folder: &Path) -> io::Result<()> {
        durable_file::write_json(&Layout::of(folder).last_backup(), self)
    }

    /// Sets the metric of the last backup of `folder`, if there was one. Does disk I/O.
    pub fn report(folder: &Path) {
        let read = durable_file::read_json_if_valid::<Self>(&Layout::of(folder).last_backup());
        if let Ok(Some(last)) = read {
            let seconds = last.started_at.as_duration().as_secs_f64();
            gauge!("event_history_last_backup_timestamp_seconds").set(seconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LastBackup;

    #[test]
    fn it_is_noted_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let last = LastBackup {
            name: "x".to_owned(),
            started_at: "2026-11-27T22:33:00Z".parse().unwrap(),
            finished_at: "2026-11-27T22:34:00Z".parse().unwrap(),
        };
        last.note(folder.path()).unwrap();
        let path = folder.path().join("last-backup.json");
        let read = crate::durable_file::read_json::<LastBackup>(&path).unwrap();
        assert_eq!(read, Some(last));
    }
}
