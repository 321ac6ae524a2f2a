//! The outcomes for files, by tenant, and the attempts at one.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::Storages;
use super::error::{Error, Side};
use super::report::FilesReport;
use crate::domain::cause::chain;
use crate::domain::{FileId, ObjectKey, Tenant};
use crate::jobs::backend_errors::{retry, retry_file};
use crate::objects;

/// Files copied at once: enough to hide the latency of small ones.
pub(super) const CONCURRENCY: usize = 4;

/// The pauses after failed attempts to copy a file whose storages respond.
const FILE_PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(900),
    Duration::from_millis(2700),
];

/// The outcome for one file.
pub(super) enum Outcome {
    Same,
    Copied,
    Problem(String),
    /// The source does not have it either.
    Lost,
}

/// The files of one tenant.
pub(super) struct Tally {
    pub(super) tenant: Arc<Tenant>,
    pub(super) report: FilesReport,
    /// The files that `report` has a problem with.
    pub(super) failed: HashSet<FileId>,
}

impl Tally {
    pub(super) fn new(tenant: Arc<Tenant>) -> Self {
        Self {
            tenant,
            report: FilesReport::default(),
            failed: HashSet::new(),
        }
    }

    pub(super) fn add(&mut self, key: &ObjectKey, outcome: Outcome) {
        match outcome {
            Outcome::Same | Outcome::Lost => {}
            Outcome::Copied => self.report.copied_files += 1,
            Outcome::Problem(problem) => {
                self.failed.insert(key.file_id);
                self.report.problems.add(format!("'{key}' {problem}"));
            }
        }
    }
}

/// Makes attempts at one file. Fails only if a storage is unreachable.
pub(super) async fn with_retries(
    Storages { from, to }: &Storages,
    attempt: impl AsyncFnMut() -> Result<Outcome, objects::Error>,
) -> Result<Outcome, Error> {
    let ping = async || {
        for (side, client) in [(Side::Source, from), (Side::Destination, to)] {
            let what = "reach the storage of files";
            let pinged = retry(what, || client.objects.ping()).await;
            pinged.map_err(|error| Error::objects(side, what, error))?;
        }
        Ok(())
    };
    let outcome = retry_file(&FILE_PAUSES, ping, attempt).await?;
    Ok(outcome.unwrap_or_else(|error| {
        let attempts = FILE_PAUSES.len() + 1;
        Outcome::Problem(format!("failed {attempts} times: {}", chain(&error)))
    }))
}
