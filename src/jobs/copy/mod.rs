//! Copies whole tenants from one backend to another: their entries, events and files, in bounded memory.
//!
//! A copy may be stopped at any moment and started again. Entries and events are stored once however often they are
//! sent, and a file appears whole or not at all. What arrived counts only once it was read back and agrees with the
//! source.
//!
//! Nothing may write to the source meanwhile. Events that are written behind the pass over a tenant make its comparison
//! fail; the next run copies them.

mod compare;
mod error;
mod events;
mod file_tally;
mod files;
mod recorded_files;
mod report;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::backend_errors::{TenantError, retry, retry_tenant};
use super::{Phase, Progress};
use crate::domain::query::Limit;
use crate::domain::{Cursor, DatabaseName, Query, Retention, Tenant};
use crate::objects::transfer::StorageClient;
use crate::store::{self, Created, Store};

pub use error::{Error, Side};
pub use report::{Conflicts, Difference, FilesReport, Report, SkippedObjects, TenantReport};

#[derive(Debug)]
pub struct Job {
    pub from: Arc<dyn Store>,
    pub to: Arc<dyn Store>,
    /// `None`: files are not copied.
    pub storages: Option<Storages>,
    /// Empty: every tenant of the source.
    pub tenants: BTreeSet<DatabaseName>,
    /// Changes nothing and reports what differs.
    pub verify_only: bool,
    /// Protects files that events reference at the destination, in a bucket with Object Lock.
    pub retention: Option<Retention>,
}

/// The storages of the files.
#[derive(Debug)]
pub struct Storages {
    pub from: StorageClient,
    pub to: StorageClient,
}

/// Copies and compares, or only compares. What differs in the end is in the report; an error is what stopped the job.
pub async fn run(job: &Job, progress: &Progress) -> Result<Report, Error> {
    let tenants = select_tenants(job).await?;
    if !job.verify_only {
        reject_conflicts(job, &tenants).await?;
    }
    let mut copies = Vec::with_capacity(tenants.len());
    for tenant in tenants {
        copies.push(TenantCopy {
            report: TenantReport::new(tenant.database_name.clone()),
            tenant,
            events: 0,
            was_resumed: false,
        });
    }
    let total = count_events(job, &mut copies, progress).await?;
    if !job.verify_only {
        progress.begin(Phase::CopyingEvents, copies.len(), total);
        for copy in &mut copies {
            copy.copy(job, progress).await?;
            progress.end_tenant();
        }
    }
    progress.begin(Phase::VerifyingEvents, copies.len(), 2 * total); // both sides
    for copy in &mut copies {
        copy.verify(job, progress).await?;
        progress.end_tenant();
    }
    let skipped_objects = match &job.storages {
        Some(storages) => files::run(job, storages, &mut copies, progress).await?,
        None => SkippedObjects::default(),
    };
    Ok(Report {
        tenants: copies.into_iter().map(|it| it.report).collect(),
        skipped_objects,
    })
}

/// Returns the tenants to copy, ordered by name.
async fn select_tenants(job: &Job) -> Result<Vec<Arc<Tenant>>, Error> {
    let all = list_tenants(&*job.from, Side::Source).await?;
    if job.tenants.is_empty() {
        return Ok(all);
    }
    let known: BTreeSet<_> = all.iter().map(|tenant| &tenant.database_name).collect();
    let unknown = job.tenants.iter().filter(|name| !known.contains(name));
    let unknown: Vec<String> = unknown.map(ToString::to_string).collect();
    if !unknown.is_empty() {
        return Err(Error::UnknownTenants(unknown));
    }
    let is_selected = |tenant: &Arc<Tenant>| job.tenants.contains(&tenant.database_name);
    Ok(all.into_iter().filter(is_selected).collect())
}

async fn list_tenants(store: &dyn Store, side: Side) -> Result<Vec<Arc<Tenant>>, Error> {
    let what = "list the tenants";
    let listed = retry(what, || store.tenants()).await;
    listed.map_err(|error| Error::store(side, what, error))
}

/// Rejects the job if the destination has another tenant under the name of one of these, or the same tenant under
/// another name or with another secret: a person has to decide.
async fn reject_conflicts(job: &Job, tenants: &[Arc<Tenant>]) -> Result<(), Error> {
    let existing = list_tenants(&*job.to, Side::Destination).await?;
    let by_name: HashMap<_, _> = existing.iter().map(|it| (&it.database_name, it)).collect();
    let by_id: HashMap<_, _> = existing.iter().map(|it| (it.client_id, it)).collect();
    let mut conflicts = Vec::new();
    for tenant in tenants {
        let (name, id) = (&tenant.database_name, tenant.client_id);
        if let Some(other) = by_name.get(name)
            && other.client_id != id
        {
            let theirs = other.client_id;
            conflicts.push(format!(
                "tenant '{name}' has client id {id} at the source and {theirs} at the destination"
            ));
        }
        let Some(same) = by_id.get(&id) else {
            continue;
        };
        if same.database_name != *name {
            let theirs = &same.database_name;
            conflicts.push(format!(
                "tenant '{name}' of the source is called '{theirs}' at the destination"
            ));
        } else if same.client_secret_sha256 != tenant.client_secret_sha256 {
            conflicts.push(format!(
                "tenant '{name}' has another client secret at the destination"
            ));
        }
    }
    if conflicts.is_empty() {
        Ok(())
    } else {
        Err(Error::Conflicts(conflicts))
    }
}

/// Returns how many events the source has. A tenant whose events cannot be read is skipped from here on, with the reason
/// in its report.
async fn count_events(
    job: &Job,
    copies: &mut [TenantCopy],
    progress: &Progress,
) -> Result<u64, Error> {
    progress.begin(Phase::CountingEvents, copies.len(), 0);
    let mut total = 0;
    for copy in copies {
        match count(&*job.from, &copy.tenant).await {
            Ok(events) => {
                copy.events = events;
                total += events;
                progress.advance(events);
            }
            Err(error) => copy.fail(Side::Source, "count the events", error)?,
        }
        progress.end_tenant();
    }
    Ok(total)
}

#[derive(Debug)]
struct TenantCopy {
    tenant: Arc<Tenant>,
    report: TenantReport,
    /// The number of events of the source.
    events: u64,
    /// The destination had events before, so some among them may be missing.
    was_resumed: bool,
}

impl TenantCopy {
    /// Copies the tenant, unless it has failed.
    async fn copy(&mut self, job: &Job, progress: &Progress) -> Result<(), Error> {
        if self.report.failure.is_some() {
            return Ok(());
        }
        if let Err(error) = self.create(&*job.to).await {
            return self.fail(Side::Destination, "create the tenant", error);
        }
        if let Err((side, error)) = self.copy_secrets(job).await {
            return self.fail(side, "copy the secrets", error);
        }
        if let Err((side, error)) = self.copy_rules_and_holds(job).await {
            return self.fail(side, "copy retention rules and legal holds", error);
        }
        let copied = match count(&*job.to, &self.tenant).await {
            Ok(events) => events,
            Err(error) => return self.fail(Side::Destination, "count the events", error),
        };
        let after = match self.last_copied(job).await {
            Ok(after) => after,
            Err((side, error)) => return self.fail(side, "find the newest event", error),
        };
        self.was_resumed = copied > 0;
        progress.skip(copied);
        self.copy_events(job, after, copied, progress).await
    }

    /// Returns the cursor of the source behind the event that the destination received last; `None` if it has none, or
    /// one that the source doesn't have.
    async fn last_copied(&self, job: &Job) -> Result<Option<Cursor>, (Side, TenantError)> {
        let what = "find the newest event";
        let find = || job.to.newest_cursor(&self.tenant);
        let newest = retry_tenant(&*job.to, what, find).await;
        let newest = newest.map_err(|error| (Side::Destination, error))?;
        let Some(id) = newest.event_id() else {
            return Ok(None);
        };
        let find = || job.from.cursor_behind(&self.tenant, id);
        let behind = retry_tenant(&*job.from, what, find).await;
        behind.map_err(|error| (Side::Source, error))
    }

    /// Copies the secrets, unless they were rotated later at the destination.
    async fn copy_secrets(&self, job: &Job) -> Result<(), (Side, TenantError)> {
        let ids = [self.tenant.client_id];
        let what = "find the secrets";
        let source = retry_tenant(&*job.from, what, || job.from.find_secrets(&ids)).await;
        let source = source.map_err(|error| (Side::Source, error))?.pop();
        let copied = async {
            let known = retry_tenant(&*job.to, what, || job.to.find_secrets(&ids)).await?;
            let known = known.first().and_then(|it| it.rotated_at);
            match source.filter(|it| it.rotated_at > known) {
                Some(secrets) => {
                    let replace = || job.to.replace_secrets(&secrets);
                    retry_tenant(&*job.to, "write the secrets", replace).await
                }
                None => Ok(()),
            }
        };
        copied.await.map_err(|error| (Side::Destination, error))
    }

    /// Creates the tenant at the destination unless it exists.
    async fn create(&self, to: &dyn Store) -> Result<(), TenantError> {
        let what = "create a tenant at the destination";
        let find = || to.tenant_by_client_id(self.tenant.client_id);
        if retry_tenant(to, what, find).await?.is_some() {
            return Ok(());
        }
        let create = || to.create_tenant(Tenant::clone(&self.tenant));
        match retry_tenant(to, what, create).await? {
            // A name that is taken is ours if the answer of an earlier attempt was lost. If another tenant was created
            // just now, the destination does not know the client id, and the next call fails.
            Created::New | Created::NameTaken => Ok(()),
            Created::TooManyDedicated(limit) => {
                let reason =
                    format!("there are {limit} dedicated tenants already, which is the limit");
                Err(TenantError {
                    error: store::Error::Unavailable(reason.into()),
                    affects_one_tenant: true,
                })
            }
        }
    }

    /// Copies retention rules and legal holds, so that they are in force before there is an event.
    async fn copy_rules_and_holds(&self, job: &Job) -> Result<(), (Side, TenantError)> {
        let (from, to, tenant) = (&*job.from, &*job.to, &*self.tenant);
        let of_source = |error| (Side::Source, error);
        let of_destination = |error| (Side::Destination, error);
        let what = "copy legal holds";
        let holds = retry_tenant(from, what, || from.holds(tenant)).await;
        for hold in holds.map_err(of_source)?.as_slice() {
            let placed = retry_tenant(to, what, || to.place_hold(tenant, hold)).await;
            placed.map_err(of_destination)?;
        }
        let what = "copy retention rules";
        let rules = retry_tenant(from, what, || from.retention(tenant)).await;
        let rules = rules.map_err(of_source)?;
        let there = retry_tenant(to, what, || to.retention(tenant)).await;
        if there.map_err(of_destination)? != rules {
            let set = retry_tenant(to, what, || to.set_retention(tenant, &rules)).await;
            set.map_err(of_destination)?;
        }
        Ok(())
    }

    async fn copy_events(
        &mut self,
        job: &Job,
        after: Option<Cursor>,
        copied: u64,
        progress: &Progress,
    ) -> Result<(), Error> {
        let expected = self.events.saturating_sub(copied);
        match events::copy(job, &self.tenant, after, expected, progress).await {
            Ok(conflicts) => {
                self.report.conflicts = conflicts;
                Ok(())
            }
            Err((side, error)) => self.fail(side, "copy the events", error),
        }
    }

    /// Compares the tenant on both sides, unless it has failed.
    async fn verify(&mut self, job: &Job, progress: &Progress) -> Result<(), Error> {
        if self.report.failure.is_some() {
            return Ok(());
        }
        let find = || job.to.tenant_by_client_id(self.tenant.client_id);
        let found = retry_tenant(&*job.to, "find a tenant at the destination", find);
        self.report.failure = match found.await {
            Ok(Some(found)) if found.database_name != self.tenant.database_name => Some(format!(
                "the destination calls it '{}'",
                found.database_name
            )),
            Ok(Some(found)) if found.client_secret_sha256 != self.tenant.client_secret_sha256 => {
                Some("the destination has another client secret".to_owned())
            }
            Ok(Some(_)) => None,
            Ok(None) => Some("the destination does not have it".to_owned()),
            Err(error) => return self.fail(Side::Destination, "find the tenant", error),
        };
        if self.report.failure.is_some() {
            return Ok(());
        }
        self.compare(job, progress).await?;
        let must_repeat = self.was_resumed
            && !job.verify_only
            && self.report.failure.is_none()
            && !self.report.events_agree();
        if must_repeat {
            // An interrupted batch need not be stored in order, so events that arrived earlier may be missing too.
            tracing::info!(tenant = %self.tenant.database_name, "copying all of its events again");
            self.copy_events(job, None, 0, progress).await?;
            if self.report.failure.is_none() {
                self.compare(job, progress).await?;
            }
        }
        self.find_difference(job).await
    }

    async fn compare(&mut self, job: &Job, progress: &Progress) -> Result<(), Error> {
        match compare::digests(job, &self.tenant, progress).await {
            Ok((source, destination)) => {
                self.report.source = Some(source);
                self.report.destination = Some(destination);
                Ok(())
            }
            Err((side, error)) => self.fail(side, "read the events back", error),
        }
    }

    async fn find_difference(&mut self, job: &Job) -> Result<(), Error> {
        if self.report.events_agree() || self.report.failure.is_some() {
            return Ok(());
        }
        match compare::first_difference(job, &self.tenant).await {
            Ok(difference) => {
                self.report.difference = difference;
                Ok(())
            }
            Err((side, error)) => self.fail(side, "read the events back", error),
        }
    }

    /// Reports an error that affects this tenant only. Any other ends the job.
    fn fail(&mut self, side: Side, what: &'static str, error: TenantError) -> Result<(), Error> {
        if error.affects_one_tenant {
            self.report.failure = Some(format!("cannot {what} at the {side}: {error}"));
            return Ok(());
        }
        Err(Error::store(side, what, error.error))
    }
}

/// Returns how many events a tenant has.
async fn count(store: &dyn Store, tenant: &Tenant) -> Result<u64, TenantError> {
    let query = Query {
        limit: Limit::clamped(1),
        ..Query::default()
    };
    let count = || store.events(tenant, &query);
    let page = retry_tenant(store, "count a tenant's events", count).await?;
    Ok(page.counts.map_or(0, |it| it.total))
}
