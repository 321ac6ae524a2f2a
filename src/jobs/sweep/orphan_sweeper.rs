//! Periodic sweeps inside the service.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Unit, counter, describe_counter};

use super::{Error, Fate, FoundFile, Job, Report, Tally};
use crate::domain::Entropy;
use crate::domain::cause::chain;
use crate::objects::{Objects, require_owner};
use crate::store::Store;

/// The pause between two sweeps is a tenth of the time that orphans are kept, within these bounds.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Sweeps periodically. Several replicas may do so at once.
#[derive(Debug)]
pub struct OrphanSweeper {
    pub store: Arc<dyn Store>,
    pub objects: Arc<dyn Objects>,
    pub entropy: Arc<dyn Entropy>,
    /// The age below which a file is not swept, because an event may still reference it for the first time.
    pub after: Duration,
}

/// Describes the metrics of [`OrphanSweeper`].
pub fn describe_metrics() {
    let files = "Files removed because no event referenced them";
    describe_counter!("event_history_swept_files_total", files);
    let bytes = "Bytes of files removed because no event referenced them";
    describe_counter!("event_history_swept_bytes_total", Unit::Bytes, bytes);
    let sweeps = "Complete orphan sweeps";
    describe_counter!("event_history_sweeps_total", sweeps);
    let failures = "Orphan sweeps that were cut short, tenants that were skipped, and files that could not be removed";
    describe_counter!("event_history_sweep_failures_total", failures);
}

impl OrphanSweeper {
    /// Sweeps until it is dropped. That may happen at any moment: the next sweep removes what this one left.
    pub async fn run(self) {
        let pause = (self.after / 10).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        loop {
            tokio::time::sleep(self.entropy.jittered(pause)).await;
            match self.sweep().await {
                Ok(report) => {
                    counter!("event_history_sweeps_total").increment(1);
                    log(&report);
                }
                Err(error) => {
                    counter!("event_history_sweep_failures_total").increment(1);
                    tracing::warn!("an orphan sweep was cut short: {}", chain(&error));
                }
            }
        }
    }

    async fn sweep(&self) -> Result<Report, Error> {
        let what = "read the id of the database";
        let id = self.store.id().await;
        let id = id.map_err(|source| Error::Store { what, source })?;
        let owned = require_owner(&*self.objects, id, true).await;
        owned.map_err(Error::Owner)?;
        let what = "determine the age of files";
        let cutoff = self.objects.age_cutoff(self.after).await;
        let Some(uploaded_before) = cutoff.map_err(|source| Error::Objects { what, source })?
        else {
            tracing::debug!("no orphan sweep yet: the clock has not been watched for long enough");
            return Ok(Report::default());
        };
        let job = Job {
            store: Arc::clone(&self.store),
            objects: Arc::clone(&self.objects),
            tenants: BTreeSet::new(),
            uploaded_before,
            delete: true,
            of_no_tenant: false,
        };
        super::run(&job, &mut count).await
    }
}

fn count(found: FoundFile) {
    match found.fate {
        Fate::Removed => {
            counter!("event_history_swept_files_total").increment(1);
            counter!("event_history_swept_bytes_total").increment(found.size_bytes);
            tracing::debug!(key = %found.key, "removed a file that no event references");
        }
        Fate::Kept(reason) => {
            counter!("event_history_sweep_failures_total").increment(1);
            tracing::debug!(key = %found.key, reason, "an orphan could not be removed");
        }
        Fate::Orphan | Fate::OfNoTenant => {}
    }
}

fn log(report: &Report) {
    let Tally { files, bytes } = report.removed;
    if files > 0 {
        tracing::info!(files, bytes, "removed files that no event references");
    }
    if report.kept > 0 {
        let files = report.kept;
        tracing::warn!(files, "orphans could not be removed");
    }
    if report.skipped_tenants > 0 {
        counter!("event_history_sweep_failures_total").increment(report.skipped_tenants);
        let tenants = report.skipped_tenants;
        tracing::warn!(
            tenants,
            "tenants were skipped: their databases cannot be read"
        );
    }
    if report.damaged > 0 {
        let objects = report.damaged;
        tracing::warn!(objects, "stored objects cannot be read");
    }
    for remark in &report.remarks {
        tracing::debug!("{remark}");
    }
}
