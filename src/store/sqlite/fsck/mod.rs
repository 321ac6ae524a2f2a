//! Looks for damage in a folder of SQLite, and changes nothing: the databases' part of `event-history fsck`.
//!
//! Beside a running service this is external access like any other (`external/`). While no service runs the folder's
//! lock is held, so that none starts; a database is then read without SQLite's shared index, which would leave a file
//! behind, and a log stays as it is: recovery takes place in the memory of this process alone.
//!
//! One transaction reads all that is compared, so that a writer changes nothing in between.

mod compare;

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use rusqlite::Connection;

use self::compare::Report;
pub use self::compare::{Fault, Reference};
use super::disk::access_lock::AccessLock;
use super::disk::error_mapping::{io_failed, refused, sql_failed};
use super::disk::file_names::{tenant_of, wal_of};
use super::disk::file_system::Inode;
use super::disk::layout::Layout;
use super::external::access::Access;
use super::external::registry_reader;
use super::registry::consistency::Inconsistency;
use super::tables::schema::TENANT;
use super::tenant::identity;
use super::wal::{connection, ownership, recovery, scan};
use crate::domain::cause::chain;
use crate::domain::{DatabaseName, Tenant};
use crate::store::Error;

/// References that are looked up for one call of [`Fsck::references`].
const PAGE_REFERENCES: u32 = 500;

/// A folder that is checked. Every method does disk I/O.
#[derive(Debug)]
pub struct Fsck {
    layout: Layout,
    /// Held while no service runs.
    lock: Option<File>,
}

/// The outcome of checking a tenant's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// This many events were read.
    Events(u64),
    /// It is missing, or is another tenant's, or has another file's log, or cannot be read at all; [`Fsck::registry`] or
    /// a fault says so.
    Unreadable,
}

impl Fsck {
    /// [`Error::Unavailable`] if no service ever used this folder.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let layout = Layout::absolute(folder)?;
        let path = layout.service_lock();
        let lock = match File::open(&path) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = folder.display();
                return Err(refused(format!("there are no databases in '{folder}'")));
            }
            Err(error) => return Err(io_failed(&path, error)),
        };
        let lock = match lock.try_lock() {
            Ok(()) => Some(lock),
            Err(TryLockError::WouldBlock) => None, // a service runs
            Err(TryLockError::Error(error)) => return Err(io_failed(&path, error)),
        };
        Ok(Self { layout, lock })
    }

    /// Tells whether a service may be changing what is checked.
    pub fn is_beside_a_service(&self) -> bool {
        self.lock.is_none()
    }

    /// Checks the registry, and compares its entries with the databases and with the entries that these hold.
    pub fn registry(&self, show: &mut dyn FnMut(Fault)) {
        let path = self.layout.registry();
        let fault = |error: &Error| Fault::of(None, &path, error);
        let checked = self.with(&path, |connection| {
            let mut report = Report::new(None, &path, show);
            compare::integrity(connection, &mut report)?;
            Ok(report.has_fault)
        });
        match checked {
            Ok(false) => {}
            Ok(true) => return,
            Err(error) => return show(fault(&error)),
        }
        match registry_reader::inspect(&self.layout) {
            Ok(found) => found
                .into_iter()
                .for_each(|it| show(Fault::of_inconsistency(it))),
            Err(error) => show(fault(&error)),
        }
    }

    /// Returns the tenants, ordered by name: those that have an entry, or where the registry cannot be read, those
    /// that the databases were created for.
    pub fn tenants(&self) -> Result<Vec<Tenant>, Error> {
        if let Ok(tenants) = registry_reader::ready(&self.layout) {
            return Ok(tenants);
        }
        let mut tenants = Vec::new();
        for path in self.layout.databases()? {
            tenants.extend(identity::of_file(&path));
        }
        tenants.sort_unstable_by(|one, other| one.database_name.cmp(&other.database_name));
        Ok(tenants)
    }

    /// Checks a tenant's database: its log, its pages, its rows, its counts and the files that it references.
    pub fn database(&self, tenant: &Tenant, show: &mut dyn FnMut(Fault)) -> Checked {
        let path = self.layout.database(&tenant.database_name);
        let name = Some(&tenant.database_name);
        let is_fit = path.exists()
            && identity::require(&path, tenant).is_ok()
            && ownership::require_own_wal(&path).is_ok();
        if !is_fit {
            return Checked::Unreadable;
        }
        let checked = self.with(&path, |connection| {
            let mut report = Report::new(name, &path, show);
            compare::check(connection, &mut report)
        });
        match checked {
            Ok(events) => Checked::Events(events),
            Err(Error::DatabaseMissing(_)) => Checked::Unreadable,
            Err(error) => {
                show(Fault::of(name, &path, &error));
                Checked::Unreadable
            }
        }
    }

    /// Returns the next events behind row `after` that reference files, as far as their rows can be read.
    pub fn references(&self, tenant: &Tenant, after: i64) -> Result<Vec<Reference>, Error> {
        let path = self.layout.database(&tenant.database_name);
        self.with(&path, |connection| {
            compare::references(connection, after, PAGE_REFERENCES)
        })
    }

    /// Tells whether the tenant is still there, and the event in its row.
    pub fn still_has(&self, tenant: &Tenant, reference: &Reference) -> Result<bool, Error> {
        let is_it = |it: &Tenant| it.client_id == tenant.client_id;
        if !self.tenants()?.iter().any(is_it) {
            return Ok(false);
        }
        let path = self.layout.database(&tenant.database_name);
        self.with(&path, |connection| {
            let found = compare::references(connection, reference.row - 1, 1)?;
            Ok(found.first().is_some_and(|it| it.row == reference.row))
        })
    }

    /// Opens the database at `path` for as long as `work` takes, unless its log is damaged.
    fn with<T>(
        &self,
        path: &Path,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let schema = tenant_of(path).is_some().then_some(&TENANT);
        if self.lock.is_some() {
            let _exclusive = AccessLock::of(&self.layout).exclusive()?;
            ownership::require_own_wal(path)?;
            scan::require_sound(path)?;
            let mut connection = connect_exclusively(path)?;
            schema.map_or(Ok(()), |it| it.require(&connection, path))?;
            return work(&mut connection).map_err(|error| sql_failed(path, error));
        }
        let access = Access::begin(&self.layout, &[path])?;
        require_file(path)?; // from now on nobody removes it
        scan::require_sound(path)?;
        access.work(path, schema, work)
    }
}

impl Fault {
    fn of(tenant: Option<&DatabaseName>, file: &Path, error: &Error) -> Self {
        let fault = |file: &Path, problem: &str, is_unchecked| Self {
            tenant: tenant.cloned(),
            file: file.to_owned(),
            problem: problem.to_owned(),
            is_unchecked,
        };
        let Error::Damaged(message) = error else {
            return fault(file, &chain(error), true);
        };
        // The message itself names the file: that, or its log.
        for file in [file.to_owned(), wal_of(file)] {
            if let Some((_, problem)) = message.split_once(&format!("'{}': ", file.display())) {
                return fault(&file, problem, false);
            }
        }
        fault(file, message, false)
    }

    fn of_inconsistency(found: Inconsistency) -> Self {
        let problem = found.finding("registry").message;
        Self {
            tenant: found.tenant,
            file: found.file,
            problem,
            is_unchecked: false,
        }
    }
}

/// Opens a database that nobody else has open, and leaves nothing behind. A connection that has locked a log exclusively
/// keeps its index in memory.
fn connect_exclusively(path: &Path) -> Result<Connection, Error> {
    let failed = |error| sql_failed(path, error);
    if !recovery::has_wal(path)? {
        return connection::open_immutable(path).map_err(failed);
    }
    let connection = connection::open(path).map_err(failed)?;
    connection
        .pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))
        .map_err(failed)?;
    Ok(connection)
}

fn require_file(path: &Path) -> Result<(), Error> {
    let found = Inode::at(path).map_err(|error| io_failed(path, error))?;
    match tenant_of(path) {
        Some(name) if found.is_none() => Err(Error::DatabaseMissing(name)),
        _ => Ok(()),
    }
}
