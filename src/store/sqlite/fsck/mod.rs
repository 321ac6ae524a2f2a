//! Looks for damage in a folder of SQLite, and changes nothing: what `event-history fsck` says of databases.
//!
//! Beside a running service this is a guest like others (`beside.rs`). While no service runs the folder's lock is
//! held, so that none starts; a database is then read without SQLite's shared index, which would leave a file
//! behind, and a log stays as it is: recovery takes place in the memory of this process alone.
//!
//! What is compared with each other is read in one transaction, so that a writer changes nothing in between.

mod database;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use self::database::Report;
use super::beside::{self, Presence};
use super::errors::{io_failed, refused, sql_failed};
use super::folder::{Identity, LOCK, Outside};
use super::identity::{self, connect_to_file_alone};
use super::migrations::TENANT;
use super::names::{log_of, tenant_of};
use super::{incarnation, inspection};
use super::{recovery, wal};
use crate::domain::cause::chain;
use crate::domain::{DatabaseName, EventFile, EventId, Tenant};
use crate::store::Error;

/// References that are looked up for one call of [`Fsck::references`].
const PAGE_REFERENCES: u32 = 500;

/// A folder that is looked at. Every method does disk I/O.
#[derive(Debug)]
pub struct Fsck {
    outside: Outside,
    /// Held while no service runs.
    lock: Option<File>,
}

/// Something that is wrong, or could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub tenant: Option<DatabaseName>,
    pub file: PathBuf,
    /// In one line.
    pub problem: String,
    /// Nothing is known to be damaged: it could not be looked at.
    pub is_unchecked: bool,
}

/// An event that references files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where to go on behind.
    pub row: i64,
    pub event_id: EventId,
    pub files: Vec<EventFile>,
}

/// What a tenant's database came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// So many events were read.
    Events(u64),
    /// It is not there, or is another tenant's, or has another file's log, or cannot be read at all; [`Fsck::registry`] or a fault says so.
    Unreadable,
}

pub(super) type Show<'a> = &'a mut dyn FnMut(Fault);

impl Fsck {
    /// [`Error::Unavailable`] if no service was ever here.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let outside = Outside::new(folder)?;
        let path = folder.join(LOCK);
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
        Ok(Self { outside, lock })
    }

    /// Tells whether a service may be changing what is looked at.
    pub fn is_beside_a_service(&self) -> bool {
        self.lock.is_none()
    }

    /// Looks at the registry, and holds its entries against the databases and what these say of themselves.
    pub fn registry(&self, show: &mut dyn FnMut(Fault)) {
        let path = self.outside.registry();
        let fault = |error: &Error| Fault::of(None, &path, error);
        let looked = self.with(&path, |connection| {
            let mut report = Report::new(None, &path, show);
            database::integrity(connection, &mut report)?;
            Ok(report.has_fault)
        });
        match looked {
            Ok(false) => {}
            Ok(true) => return,
            Err(error) => return show(fault(&error)),
        }
        match inspection::inspect_outside(&self.outside) {
            Ok(faults) => faults.into_iter().for_each(|it| show(Fault::of_entry(it))),
            Err(error) => show(fault(&error)),
        }
    }

    /// Returns the tenants, ordered by name: those that have an entry, or where the registry cannot be read, those
    /// whose databases say so.
    pub fn tenants(&self) -> Result<Vec<Tenant>, Error> {
        if let Ok(tenants) = beside::ready(&self.outside) {
            return Ok(tenants);
        }
        let mut tenants = Vec::new();
        for path in self.outside.databases()? {
            tenants.extend(identity::of_file(&path));
        }
        tenants.sort_unstable_by(|one, other| one.database_name.cmp(&other.database_name));
        Ok(tenants)
    }

    /// Looks at a tenant's database: its log, its pages, its rows, its counts and the files that it references.
    pub fn database(&self, tenant: &Tenant, show: &mut dyn FnMut(Fault)) -> Checked {
        let path = self.outside.database(&tenant.database_name);
        let name = Some(&tenant.database_name);
        let is_fit = path.exists()
            && inspection::require_fit(&path, tenant).is_ok()
            && incarnation::require_own_log(&path).is_ok();
        if !is_fit {
            return Checked::Unreadable;
        }
        let looked = self.with(&path, |connection| {
            let mut report = Report::new(name, &path, show);
            database::check(connection, &mut report)
        });
        match looked {
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
        let path = self.outside.database(&tenant.database_name);
        self.with(&path, |connection| {
            database::references(connection, after, PAGE_REFERENCES)
        })
    }

    /// Tells whether the tenant is still there, and the event in its row.
    pub fn still_has(&self, tenant: &Tenant, reference: &Reference) -> Result<bool, Error> {
        let is_it = |it: &Tenant| it.client_id == tenant.client_id;
        if !self.tenants()?.iter().any(is_it) {
            return Ok(false);
        }
        let path = self.outside.database(&tenant.database_name);
        self.with(&path, |connection| {
            let found = database::references(connection, reference.row - 1, 1)?;
            Ok(found.first().is_some_and(|it| it.row == reference.row))
        })
    }

    /// Opens the database at `path` for as long as `work` takes, unless its log is damaged.
    fn with<T>(
        &self,
        path: &Path,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let failed = |error| sql_failed(path, error);
        if self.lock.is_some() {
            let _alone = self.outside.keep_out()?;
            incarnation::require_own_log(path)?;
            wal::require_sound(path)?;
            let mut connection = connect_alone(path)?;
            require_schema(&connection, path)?;
            return work(&mut connection).map_err(failed);
        }
        let presence = Presence::begin(&self.outside, &[path])?;
        require_file(path)?; // from now on nobody removes it
        wal::require_sound(path)?;
        let mut connection = beside::connect(path).map_err(failed)?;
        require_schema(&connection, path)?;
        let visited = presence.settle().map_err(|error| io_failed(path, error));
        let _visit = visited?; // outlives what `work` does
        let outcome = work(&mut connection).map_err(failed);
        recovery::close_as_found(connection, path)?;
        outcome
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
        // The message says for itself which file it is about: that, or its log.
        for file in [file.to_owned(), log_of(file)] {
            if let Some((_, problem)) = message.split_once(&format!("'{}': ", file.display())) {
                return fault(&file, problem, false);
            }
        }
        fault(file, message, false)
    }

    fn of_entry(fault: inspection::Fault) -> Self {
        let finding = fault.finding("registry");
        let inspection::Fault {
            tenant,
            file,
            problem: _,
        } = fault;
        Self {
            tenant,
            file,
            problem: finding.message,
            is_unchecked: false,
        }
    }
}

/// Opens a database that nobody else has open, and leaves no trace. A connection that has a log to itself keeps its
/// index in memory.
fn connect_alone(path: &Path) -> Result<Connection, Error> {
    let failed = |error| sql_failed(path, error);
    if !recovery::has_log(path)? {
        return connect_to_file_alone(path).map_err(failed);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection
        .pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))
        .map_err(failed)?;
    recovery::leave_log_alone(&connection).map_err(failed)?;
    Ok(connection)
}

fn require_file(path: &Path) -> Result<(), Error> {
    let found = Identity::at(path).map_err(|error| io_failed(path, error))?;
    match tenant_of(path) {
        Some(name) if found.is_none() => Err(Error::DatabaseMissing(name)),
        _ => Ok(()),
    }
}

fn require_schema(connection: &Connection, path: &Path) -> Result<(), Error> {
    match tenant_of(path) {
        Some(_) => TENANT.require(connection, path),
        None => Ok(()),
    }
}
