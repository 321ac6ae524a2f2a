//! Retention: deletes the events that have stayed for as long as the rules of their tenants say.
//!
//! Each step deletes few events, and the store decides with each what is due and what is under a hold, so a run may be
//! stopped at any moment, and others may run at the same time. Between steps it pauses for several times as long as a step
//! takes: senders of events have the store to themselves for most of the time.

mod retention_runner;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Error;
use super::backend_errors::{TenantError, retry_tenant};
use crate::domain::{DatabaseName, RetentionPosition, RetentionStep, Tenant};
use crate::store::{self, Store};

pub use retention_runner::{RetentionRunner, describe_metrics};

/// The pause after a step, as a multiple of the time that the step took, and at most.
const PAUSE_FACTOR: u32 = 3;
const MAX_PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct Job {
    pub store: Arc<dyn Store>,
    /// Empty: all tenants.
    pub tenants: BTreeSet<DatabaseName>,
    /// What is due is due at this instant.
    pub now: Timestamp,
    /// `false`: counts what would be deleted.
    pub delete: bool,
}

/// What became of the events of one tenant that has rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantReport {
    pub tenant: DatabaseName,
    /// Deleted, or due.
    pub events: u64,
    /// Due and under a hold. (A hold of the whole tenant leaves nothing to look at: then it is 0 unless events are only
    /// counted.)
    pub held: u64,
    /// They cannot be read, and stay.
    pub unreadable: u64,
    /// Another replica is deleting events of the tenant.
    pub is_elsewhere: bool,
    /// Why the rest was left alone.
    pub failure: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Tenants that have rules.
    pub tenants: u64,
    pub events: u64,
    pub held: u64,
    pub unreadable: u64,
    pub failed_tenants: u64,
}

impl Report {
    fn add(&mut self, tenant: &TenantReport) {
        let TenantReport {
            tenant: _,
            events,
            held,
            unreadable,
            is_elsewhere: _,
            failure,
        } = tenant;
        self.tenants += 1;
        self.events += events;
        self.held += held;
        self.unreadable += unreadable;
        self.failed_tenants += u64::from(failure.is_some());
    }
}

/// Goes through the tenants that have rules and passes what became of each to `on_tenant`. Calls `on_step` after each step
/// with the number of its events.
pub async fn run(
    job: &Job,
    on_step: &mut (dyn FnMut(u64) + Send),
    on_tenant: &mut (dyn FnMut(TenantReport) + Send),
) -> Result<Report, Error> {
    let mut report = Report::default();
    for tenant in super::select_tenants(&*job.store, &job.tenants).await? {
        if let Some(of_tenant) = run_tenant(job, &tenant, on_step).await? {
            report.add(&of_tenant);
            on_tenant(of_tenant);
        }
    }
    Ok(report)
}

/// Returns `None` for a tenant without rules, and one that was deleted meanwhile.
async fn run_tenant(
    job: &Job,
    tenant: &Tenant,
    on_step: &mut (dyn FnMut(u64) + Send),
) -> Result<Option<TenantReport>, Error> {
    let mut report = TenantReport {
        tenant: tenant.database_name.clone(),
        events: 0,
        held: 0,
        unreadable: 0,
        is_elsewhere: false,
        failure: None,
    };
    let (store, what) = (&*job.store, "read retention rules");
    match retry_tenant(store, what, || store.retention(tenant)).await {
        Ok(rules) if rules.keep_everything() => return Ok(None),
        Ok(_) => {}
        Err(error) => return failed(report, what, error),
    }
    let mut after = None;
    loop {
        let started = Instant::now();
        let what = "delete events that are due";
        let step = match retry_tenant(store, what, || step(job, tenant, after)).await {
            Ok(step) => step,
            Err(error) => return failed(report, what, error),
        };
        let RetentionStep {
            events,
            held,
            unreadable,
            is_elsewhere,
            next,
        } = step;
        report.events += events;
        report.held += held;
        report.unreadable += unreadable;
        report.is_elsewhere |= is_elsewhere;
        on_step(events);
        if next.is_none() {
            return Ok(Some(report));
        }
        after = next;
        let pause = (started.elapsed() * PAUSE_FACTOR).min(MAX_PAUSE);
        tokio::time::sleep(pause).await;
    }
}

async fn step(
    job: &Job,
    tenant: &Tenant,
    after: Option<RetentionPosition>,
) -> Result<RetentionStep, store::Error> {
    if job.delete {
        job.store.delete_due(tenant, job.now, after).await
    } else {
        job.store.count_due(tenant, job.now, after).await
    }
}

/// Reports a tenant whose events were left alone. An error of the whole store ends the run.
fn failed(
    report: TenantReport,
    what: &'static str,
    error: TenantError,
) -> Result<Option<TenantReport>, Error> {
    if matches!(error.error, store::Error::DatabaseMissing(_)) && report.events == 0 {
        return Ok(None);
    }
    if !error.affects_one_tenant {
        let source = error.error;
        return Err(Error::Store { what, source });
    }
    Ok(Some(TenantReport {
        failure: Some(error.to_string()),
        ..report
    }))
}
