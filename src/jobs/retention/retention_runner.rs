//! Periodic runs inside the service.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, gauge};

use super::{Error, Job, Report, TenantReport};
use crate::domain::cause::chain;
use crate::domain::{Clock, Entropy};
use crate::store::Store;

/// Runs periodically. Several replicas may do so at once: of each tenant one deletes events at a time.
#[derive(Debug)]
pub struct RetentionRunner {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// The pause between two runs, about.
    pub interval: Duration,
}

/// Describes the metrics of [`RetentionRunner`].
pub fn describe_metrics() {
    let backlog =
        "Events that were due when the last run began and have not been deleted by it yet";
    describe_gauge!("event_history_retention_backlog_events", backlog);
    let events = "Events deleted because they had stayed for as long as their rules say";
    describe_counter!("event_history_retention_deleted_events_total", events);
    let runs = "Complete runs of retention";
    describe_counter!("event_history_retention_runs_total", runs);
    let failures =
        "Runs of retention that were cut short, and tenants whose events could not be deleted";
    describe_counter!("event_history_retention_failures_total", failures);
}

impl RetentionRunner {
    /// Runs until it is dropped. That may happen at any moment: the next run deletes what this one left.
    pub async fn run(self) {
        loop {
            tokio::time::sleep(self.entropy.jittered(self.interval)).await;
            match self.run_once().await {
                Ok(report) => {
                    counter!("event_history_retention_runs_total").increment(1);
                    log(&report);
                }
                Err(error) => {
                    counter!("event_history_retention_failures_total").increment(1);
                    tracing::warn!("a run of retention was cut short: {}", chain(&error));
                }
            }
        }
    }

    async fn run_once(&self) -> Result<Report, Error> {
        let job = |delete| Job {
            store: Arc::clone(&self.store),
            tenants: BTreeSet::new(),
            now: self.clock.now(),
            delete,
        };
        let backlog = gauge!("event_history_retention_backlog_events");
        let due = super::run(&job(false), &mut |_| {}, &mut |_| {}).await?;
        backlog.set(count_f64(due.events));
        let mut on_step = |events| {
            counter!("event_history_retention_deleted_events_total").increment(events);
            backlog.decrement(count_f64(events));
        };
        let report = super::run(&job(true), &mut on_step, &mut note).await?;
        if report.failed_tenants == 0 {
            backlog.set(0.0);
        }
        Ok(report)
    }
}

fn note(report: TenantReport) {
    let TenantReport {
        tenant,
        events,
        held,
        unreadable,
        is_elsewhere: _,
        failure,
    } = report;
    if events > 0 {
        tracing::info!(%tenant, events, held, "deleted events that were due");
    }
    if unreadable > 0 {
        tracing::warn!(%tenant, unreadable, "events that are due cannot be read, and stay");
    }
    if let Some(failure) = failure {
        counter!("event_history_retention_failures_total").increment(1);
        tracing::warn!(%tenant, "events that are due were not deleted: {failure}");
    }
}

fn log(report: &Report) {
    let Report {
        tenants,
        events,
        held,
        unreadable,
        failed_tenants,
    } = *report;
    tracing::debug!(
        tenants,
        events,
        held,
        unreadable,
        failed_tenants,
        "retention has run"
    );
}

#[expect(clippy::cast_precision_loss, reason = "metrics are doubles")]
fn count_f64(count: u64) -> f64 {
    count as f64
}
