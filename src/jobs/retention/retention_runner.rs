//! Periodic runs inside the service.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, gauge};

use super::{Error, Job, Report, TenantReport};
use crate::domain::cause::chain;
use crate::domain::{Act, ActKind, Actor, Clock, DatabaseName, Entropy};
use crate::store::{Store, audit};

/// The tenants that the record of one run names, at most: an event is not much larger than a hundred kilobytes.
const MAX_RECORDED_TENANTS: usize = 1000;

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
        let mut deleted = Vec::new();
        let mut on_tenant = |report: TenantReport| {
            if report.events > 0 && deleted.len() < MAX_RECORDED_TENANTS {
                deleted.push((report.tenant.clone(), report.events));
            }
            note(report);
        };
        let report = super::run(&job(true), &mut on_step, &mut on_tenant).await;
        self.record(deleted).await;
        let report = report?;
        if report.failed_tenants == 0 {
            backlog.set(0.0);
        }
        Ok(report)
    }

    /// Records what a run has deleted. The rules by which it did were recorded before: should the audit not be written, they
    /// are followed all the same.
    async fn record(&self, deleted: Vec<(DatabaseName, u64)>) {
        if deleted.is_empty() {
            return;
        }
        let (clock, entropy) = (&*self.clock, &*self.entropy);
        let service = Actor::service();
        let recorded = audit::record(&*self.store, clock, entropy, &service, act(deleted));
        if let Err(error) = recorded.await {
            tracing::error!(
                "a run of retention was not recorded in the audit: {}",
                chain(&error)
            );
        }
    }
}

/// Returns the act of a run that deleted so many events of these tenants.
fn act(deleted: Vec<(DatabaseName, u64)>) -> Act {
    let act = Act::of(ActKind::RetentionRun);
    deleted.into_iter().fold(act, |act, (tenant, events)| {
        act.set("database_name", tenant).set("deleted", events)
    })
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
