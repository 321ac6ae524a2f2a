//! Moving whole tenants from one backend to another: entries, events and files, in constant memory.
//!
//! Everything may be ended at any instant and begun again: entries and events are stored once however
//! often they are sent, and a file appears whole or not at all. What is at the destination counts only
//! once it was read back and agrees with the source.
//!
//! Nobody may write to the source meanwhile. What arrives behind the pass over a tenant makes its
//! verification disagree, and the next run mends that.
//!
//! Memory: a scan brings at most `MAX_SCAN_EVENTS` events, of which each may have 1 MiB, and fewer as
//! soon as they turn out to be large; one side is read at a time, and what waits between reader and
//! writer is bounded by `MAX_AHEAD_BYTES`.

mod error;
mod events;
mod files;
mod report;
mod verify;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::domain::query::Limit;
use crate::domain::{DatabaseName, Event, Page, Position, Query, Tenant};
use crate::objects::transfer::StorageClient;
use crate::store::{self, Created, Store};

use crate::runs::{Phase, Progress, patiently};
pub use error::{Error, Side};
pub use report::{Conflicts, Difference, FilesReport, Leftovers, Report, TenantReport};

/// What to move, and whither.
#[derive(Debug)]
pub struct Job {
    pub from: Arc<dyn Store>,
    pub to: Arc<dyn Store>,
    /// `None`: the files stay where they are.
    pub files: Option<Files>,
    /// Empty: every tenant of the source.
    pub tenants: BTreeSet<DatabaseName>,
    /// Changes nothing, and says what differs.
    pub verify_only: bool,
}

#[derive(Debug)]
pub struct Files {
    pub from: StorageClient,
    pub to: StorageClient,
}

/// A tenant on its way.
#[derive(Debug)]
struct Passenger {
    tenant: Arc<Tenant>,
    report: TenantReport,
    /// The destination had events of it before: there may be holes among them.
    resumed: bool,
}

/// Copies and verifies, or verifies alone. What differs at the end is in the report; an error is what
/// stopped the whole.
pub async fn run(job: &Job, progress: &Progress) -> Result<Report, Error> {
    let tenants = choose(job).await?;
    if !job.verify_only {
        refuse_conflicts(job, &tenants).await?;
    }
    let mut passengers = Vec::with_capacity(tenants.len());
    for tenant in tenants {
        passengers.push(Passenger {
            report: TenantReport::new(tenant.database_name.clone()),
            tenant,
            resumed: false,
        });
    }
    let total = count_events(job, &mut passengers, progress).await?;
    if !job.verify_only {
        copy_events(job, &mut passengers, total, progress).await?;
    }
    verify_events(job, &mut passengers, total, progress).await?;
    let mut reports: Vec<TenantReport> = passengers.into_iter().map(|it| it.report).collect();
    let leftovers = match &job.files {
        Some(files) => files::run(job, files, &mut reports, progress).await?,
        None => Leftovers::default(),
    };
    Ok(Report {
        tenants: reports,
        leftovers,
    })
}

/// Returns the tenants to move, ordered by name.
async fn choose(job: &Job) -> Result<Vec<Arc<Tenant>>, Error> {
    let listed = patiently("list the tenants", || job.from.tenants()).await;
    let all = listed.map_err(|error| Error::store(Side::Source, "list the tenants", error))?;
    if job.tenants.is_empty() {
        return Ok(all);
    }
    let known: BTreeSet<_> = all.iter().map(|tenant| &tenant.database_name).collect();
    let unknown = job.tenants.iter().filter(|name| !known.contains(name));
    let unknown: Vec<String> = unknown.map(ToString::to_string).collect();
    if !unknown.is_empty() {
        return Err(Error::UnknownTenants(unknown));
    }
    let chosen = |tenant: &Arc<Tenant>| job.tenants.contains(&tenant.database_name);
    Ok(all.into_iter().filter(chosen).collect())
}

/// A tenant of the destination that is another one under the same name, or the same one under another:
/// nothing is copied before a person has decided which it is to be.
async fn refuse_conflicts(job: &Job, tenants: &[Arc<Tenant>]) -> Result<(), Error> {
    let listed = patiently("list the tenants", || job.to.tenants()).await;
    let there =
        listed.map_err(|error| Error::store(Side::Destination, "list the tenants", error))?;
    let by_name: HashMap<_, _> = there.iter().map(|it| (&it.database_name, it)).collect();
    let by_id: HashMap<_, _> = there.iter().map(|it| (it.client_id, it)).collect();
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

/// Returns how many events the source has. A tenant whose events cannot be read is left out from here
/// on, with the reason in its report.
async fn count_events(
    job: &Job,
    passengers: &mut [Passenger],
    progress: &Progress,
) -> Result<u64, Error> {
    progress.begin(Phase::Counting, passengers.len(), 0);
    let mut total = 0;
    for passenger in passengers {
        match newest(&*job.from, &passenger.tenant).await {
            Ok(page) => total += page.total_count,
            Err(error) => passenger.fail(Side::Source, "count the events", error)?,
        }
        progress.done.store(total, Ordering::Relaxed);
        progress.tenants_done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(total)
}

async fn copy_events(
    job: &Job,
    passengers: &mut [Passenger],
    total: u64,
    progress: &Progress,
) -> Result<(), Error> {
    progress.begin(Phase::CopyingEvents, passengers.len(), total);
    for passenger in passengers {
        if passenger.report.failure.is_none() {
            passenger.copy(job, progress).await?;
        }
        progress.tenants_done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

async fn verify_events(
    job: &Job,
    passengers: &mut [Passenger],
    total: u64,
    progress: &Progress,
) -> Result<(), Error> {
    // Both sides are read.
    progress.begin(Phase::VerifyingEvents, passengers.len(), 2 * total);
    for passenger in passengers {
        if passenger.report.failure.is_none() {
            passenger.verify(job, progress).await?;
        }
        progress.tenants_done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

impl Passenger {
    async fn copy(&mut self, job: &Job, progress: &Progress) -> Result<(), Error> {
        if let Err(error) = self.create(&*job.to).await {
            return self.fail(Side::Destination, "make the tenant", error);
        }
        let there = match newest(&*job.to, &self.tenant).await {
            Ok(page) => page,
            Err(error) => return self.fail(Side::Destination, "find the newest event", error),
        };
        let after = there.events.first().map(Event::position);
        self.resumed = after.is_some();
        progress.skip(there.total_count);
        self.pass(job, after, progress).await
    }

    /// Makes the tenant at the destination unless it is there.
    async fn create(&self, to: &dyn Store) -> Result<(), store::Error> {
        let id = self.tenant.client_id;
        let what = "make a tenant at the destination";
        if patiently(what, || to.tenant_by_client_id(id))
            .await?
            .is_some()
        {
            return Ok(());
        }
        let make = || to.create_tenant(Tenant::clone(&self.tenant));
        match patiently(what, make).await? {
            // A name that is taken is ours, by an attempt whose answer was lost; or somebody made it
            // this instant: then the destination does not know the client id, and soon says so.
            Created::New | Created::NameTaken => Ok(()),
        }
    }

    async fn pass(
        &mut self,
        job: &Job,
        after: Option<Position>,
        progress: &Progress,
    ) -> Result<(), Error> {
        match events::copy(job, &self.tenant, after, progress).await {
            Ok(conflicts) => {
                self.report.conflicts = conflicts;
                Ok(())
            }
            Err((side, error)) => self.fail(side, "copy the events", error),
        }
    }

    async fn verify(&mut self, job: &Job, progress: &Progress) -> Result<(), Error> {
        let is_there = patiently("find a tenant at the destination", || {
            job.to.tenant_by_client_id(self.tenant.client_id)
        });
        self.report.failure = match is_there.await {
            Ok(Some(there)) if there.database_name != self.tenant.database_name => Some(format!(
                "the destination calls it '{}'",
                there.database_name
            )),
            Ok(Some(there)) if there.client_secret_sha256 != self.tenant.client_secret_sha256 => {
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
        if self.report.events_agree() || self.report.failure.is_some() || job.verify_only {
            return self.find_difference(job).await;
        }
        if self.resumed {
            // Behind the newest event there may be holes: an interrupted batch need not be stored in
            // the order of time.
            tracing::info!(tenant = %self.tenant.database_name, "going through it once more");
            self.pass(job, None, progress).await?;
            if self.report.failure.is_none() {
                self.compare(job, progress).await?;
            }
        }
        self.find_difference(job).await
    }

    async fn compare(&mut self, job: &Job, progress: &Progress) -> Result<(), Error> {
        match verify::both(job, &self.tenant, progress).await {
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
        match verify::first_difference(job, &self.tenant).await {
            Ok(difference) => {
                self.report.difference = difference;
                Ok(())
            }
            Err((side, error)) => self.fail(side, "read the events back", error),
        }
    }

    /// Puts what concerns this tenant alone into its report; anything else ends the whole.
    fn fail(&mut self, side: Side, what: &'static str, error: store::Error) -> Result<(), Error> {
        if error::is_of_one_tenant(&error) {
            self.report.failure = Some(format!("cannot {what} at the {side}: {error}"));
            return Ok(());
        }
        Err(Error::store(side, what, error))
    }
}

/// Returns the newest event, and how many there are.
async fn newest(store: &dyn Store, tenant: &Tenant) -> Result<Page, store::Error> {
    let query = Query {
        limit: Limit::clamped(1),
        ..Query::default()
    };
    patiently("find a tenant's newest event", || {
        store.events(tenant, &query)
    })
    .await
}
