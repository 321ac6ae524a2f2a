//! Which entries and databases of a folder do not belong together. Changes nothing, and may run beside a
//! service.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::beside;
use super::entries::State;
use super::folder::{Folder, Outside};
use super::identity;
use super::incarnation;
use super::orphans::{self, Orphan};
use super::registry::Registry;
use crate::domain::{DatabaseName, Finding, Tenant};
use crate::store::Error;

/// How often a file is read that seems to be another tenant's or damaged, and the pause between.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// Something that is wrong with one database.
#[derive(Debug)]
pub(super) struct Fault {
    /// `None` for a file that no tenant's is called like.
    pub(super) tenant: Option<DatabaseName>,
    pub(super) file: PathBuf,
    pub(super) problem: Problem,
}

#[derive(Debug)]
pub(super) enum Problem {
    /// No entry leads to it; in one line.
    EntryMissing(String),
    DatabaseMissing,
    /// It is another tenant's, or does not say whose it is; in one line.
    Unfit(String),
    /// The log beside it is another file's; in one line.
    ForeignLog(String),
}

/// Looks at a folder that this process has open. Does disk I/O.
pub(super) fn inspect(folder: &Folder, registry: &Registry) -> Result<Vec<Fault>, Error> {
    let orphans = orphans::find(folder, registry)?;
    look(orphans, |name| folder.database(name), || registry.entries())
}

/// Looks at a folder that another process may be using. Does disk I/O.
pub(super) fn inspect_outside(outside: &Outside) -> Result<Vec<Fault>, Error> {
    incarnation::require_own_log(&outside.registry())?;
    beside::require_registry(outside)?;
    let orphans = orphans::find_outside(outside)?;
    look(
        orphans,
        |name| outside.database(name),
        || beside::entries(outside),
    )
}

fn look(
    orphans: Vec<Orphan>,
    path: impl Fn(&DatabaseName) -> PathBuf,
    entries: impl Fn() -> Result<Vec<(Tenant, State)>, Error>,
) -> Result<Vec<Fault>, Error> {
    let mut faults: Vec<Fault> = orphans.into_iter().map(Fault::of_orphan).collect();
    let mut of_entries = Vec::new();
    for (tenant, _) in ready(entries()?) {
        let file = path(&tenant.database_name);
        let problem = if file.exists() {
            let own =
                require_fit(&file, &tenant).map_err(|error| Problem::Unfit(error.to_string()));
            own.and_then(|()| {
                incarnation::require_own_log(&file)
                    .map_err(|error| Problem::ForeignLog(error.to_string()))
            })
            .err()
        } else {
            Some(Problem::DatabaseMissing)
        };
        of_entries.extend(problem.map(|problem| Fault {
            tenant: Some(tenant.database_name),
            file,
            problem,
        }));
    }
    if !of_entries.is_empty() {
        // Those that were deleted meanwhile have no fault.
        let still = ready(entries()?).map(|(tenant, _)| Some(tenant.database_name));
        let still: HashSet<_> = still.collect();
        of_entries.retain(|fault| still.contains(&fault.tenant));
    }
    faults.extend(of_entries);
    Ok(faults)
}

/// Refuses another tenant's database. A checkpoint of the service writes the file page by page, so that it may read as
/// damaged until that is over: hence it is read again.
pub(super) fn require_fit(file: &Path, tenant: &Tenant) -> Result<(), Error> {
    for _ in 1..ATTEMPTS {
        if identity::require(file, tenant).is_ok() || !file.exists() {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    identity::require(file, tenant)
}

fn ready(entries: Vec<(Tenant, State)>) -> impl Iterator<Item = (Tenant, State)> {
    entries.into_iter().filter(|it| it.1 == State::Ready)
}

impl Fault {
    fn of_orphan(orphan: Orphan) -> Self {
        let problem = Problem::EntryMissing(orphan.describe());
        let Orphan {
            path,
            name,
            tenant: _,
        } = orphan;
        Self {
            tenant: name,
            file: path,
            problem,
        }
    }

    /// Says it as a line of `check`.
    pub(super) fn finding(&self, subject: &'static str) -> Finding {
        let Self {
            tenant,
            file,
            problem,
        } = self;
        let file = file.display();
        let name = tenant.as_ref().map_or("", DatabaseName::as_str);
        match problem {
            Problem::EntryMissing(message) if tenant.is_none() => {
                Finding::warning(subject, message, "move it out of this folder")
            }
            Problem::EntryMissing(message) => Finding::wrong(
                subject,
                message,
                format!(
                    "stop the service and run `event-history tenants adopt {name}`, or give it up with \
                     `event-history tenants remove {name} --yes`"
                ),
            ),
            Problem::DatabaseMissing => Finding::wrong(
                subject,
                format!("the database '{file}' of tenant '{name}' is missing"),
                format!(
                    "restore it from a backup, or stop the service and give the tenant up with \
                     `event-history tenants remove {name} --yes`"
                ),
            ),
            Problem::ForeignLog(message) => Finding::wrong(
                subject,
                message,
                "see \"Restore\" in docs/operations.md: remove the log of what the backup replaces",
            ),
            Problem::Unfit(message) => Finding::wrong(
                subject,
                message,
                format!(
                    "put the database of tenant '{name}' back in its place, from a backup if need be"
                ),
            ),
        }
    }
}
