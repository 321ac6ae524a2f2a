//! Consistency of entries and databases: each entry has its database, each database its entry and its own log.

use std::collections::HashSet;
use std::path::PathBuf;

use super::orphaned_databases::{self, OrphanedDatabase};
use crate::domain::{DatabaseName, Finding, Tenant};
use crate::store::Error;
use crate::store::sqlite::tables::tenant_rows::{State, complete};
use crate::store::sqlite::{disk::layout::Layout, tenant::identity, wal::ownership};

/// A database or an entry that does not fit.
#[derive(Debug)]
pub(crate) struct Inconsistency {
    /// `None` for a file without the name of a tenant's database.
    pub(crate) tenant: Option<DatabaseName>,
    pub(crate) file: PathBuf,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    /// The database has no entry; in one line.
    EntryMissing(String),
    DatabaseMissing,
    /// It is another tenant's, or its tenant cannot be read; in one line.
    OtherDatabase(String),
    /// Its log belongs to another file; the reason, in one line.
    ForeignWal(String),
}

/// Compares the entries with the databases. Changes nothing, and another process may be using the folder. Does disk I/O.
pub(crate) fn inspect(
    layout: &Layout,
    entries: impl Fn() -> Result<Vec<(Tenant, State)>, Error>,
) -> Result<Vec<Inconsistency>, Error> {
    let orphans = orphaned_databases::find(layout, &entries)?;
    let mut found: Vec<_> = orphans.into_iter().map(Inconsistency::of_orphan).collect();
    let mut of_entries = Vec::new();
    for tenant in complete(entries()?) {
        let file = layout.database(&tenant.database_name);
        let problem = if !file.exists() {
            Some(Problem::DatabaseMissing)
        } else if let Err(error) = identity::require(&file, &tenant) {
            Some(Problem::OtherDatabase(error.to_string()))
        } else if let Err(error) = ownership::require_own_wal(&file) {
            Some(Problem::ForeignWal(error.to_string()))
        } else {
            None
        };
        of_entries.extend(problem.map(|problem| Inconsistency {
            tenant: Some(tenant.database_name),
            file,
            problem,
        }));
    }
    if !of_entries.is_empty() {
        // Those that were deleted meanwhile are not inconsistent.
        let still = complete(entries()?)
            .into_iter()
            .map(|it| Some(it.database_name));
        let still: HashSet<_> = still.collect();
        of_entries.retain(|found| still.contains(&found.tenant));
    }
    found.extend(of_entries);
    Ok(found)
}

impl Inconsistency {
    fn of_orphan(orphan: OrphanedDatabase) -> Self {
        Self {
            problem: Problem::EntryMissing(orphan.describe()),
            tenant: orphan.name,
            file: orphan.path,
        }
    }

    /// Describes it as a line of `check`.
    pub(crate) fn finding(&self, subject: &'static str) -> Finding {
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
                    "stop the service and run `event-history tenants adopt {name}`, or remove it with \
                     `event-history tenants remove {name} --yes`"
                ),
            ),
            Problem::DatabaseMissing => Finding::wrong(
                subject,
                format!("the database '{file}' of tenant '{name}' is missing"),
                format!(
                    "restore it from a backup, or stop the service and remove the tenant with \
                     `event-history tenants remove {name} --yes`"
                ),
            ),
            Problem::ForeignWal(message) => Finding::wrong(
                subject,
                message,
                "to use a restored backup, remove the '-wal' and '-shm' beside it; otherwise put the previous \
                 database back",
            ),
            Problem::OtherDatabase(message) => Finding::wrong(
                subject,
                message,
                format!(
                    "put the database of tenant '{name}' back in its place, from a backup if need be"
                ),
            ),
        }
    }
}
