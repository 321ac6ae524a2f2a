//! The file of the tenant entries: open all the time, and opened again after a change that failed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::committer::failed_before;
use super::errors::{io_failed, refused, sql_failed};
use super::folder::{Folder, Guests, Identity, create_file, sync_folder};
use super::incarnation::{self, Copied, Incarnation};
use super::migrations::REGISTRY;
use super::recovery::{self, InUse};
use crate::domain::cause::chain;
use crate::domain::{ClientId, Tenant};
use crate::store::{Error, closed};
use crate::write_health::WriteHealth;

/// How often the file is opened again after a failure, at most: that writes all of its log.
const RECOVER_EVERY: Duration = Duration::from_secs(1);

/// Every method does disk I/O: not for an async task.
#[derive(Debug)]
pub(super) struct RegistryFile {
    path: PathBuf,
    identity: Identity,
    guests: Guests,
    writes: WriteHealth,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` once closed, and where it could not be opened again after a failure.
    open: Option<Open>,
    /// A change failed, so that what was written may not be on the disk.
    has_failed: bool,
    /// When the file was last opened again, or was tried to be.
    last_attempt: Option<Instant>,
    /// Tenants of whom their callers were told that they are not there, whatever the file says.
    withdrawn: HashSet<ClientId>,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    /// Every checkpoint goes through this.
    incarnation: Incarnation,
    _in_use: InUse,
}

impl Open {
    fn close(self) -> rusqlite::Result<()> {
        self.incarnation.begin_checkpoint()?;
        recovery::close_with_checkpoint(self.connection)?;
        self.incarnation.end();
        Ok(())
    }
}

impl RegistryFile {
    /// Opens the file, or makes one where there is none.
    pub(super) fn open(folder: &Folder) -> Result<Self, Error> {
        let path = folder.registry();
        let open = connect(folder, &path)?;
        let identity = Identity::at(&path).map_err(|error| io_failed(&path, error))?;
        Ok(Self {
            identity: identity.ok_or_else(|| gone(&path))?,
            guests: folder.guests(),
            writes: folder.writes.clone(),
            path,
            state: Mutex::new(State {
                open: Some(open),
                has_failed: false,
                last_attempt: None,
                withdrawn: HashSet::new(),
            }),
        })
    }

    /// Changes the file, and folds the change back into it before anybody is told: no answer ever rests on
    /// the log alone. After an error the change may be there or not, as after a commit that failed.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.with_open(|open| {
            let done = work(&open.connection)?;
            open.incarnation
                .checkpoint(|| fold_back(&open.connection))?;
            Ok(done)
        })
    }

    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.with_open(|open| work(&open.connection))
    }

    fn with_open<T>(&self, work: impl FnOnce(&Open) -> rusqlite::Result<T>) -> Result<T, Error> {
        let mut state = self.lock();
        if state.has_failed {
            self.open_again(&mut state)?;
        }
        let open = state.open.as_ref().ok_or_else(closed)?;
        // What is written to a file that somebody has removed would be gone with this process.
        let found = Identity::at(&self.path).map_err(|error| io_failed(&self.path, error))?;
        if found != Some(self.identity) {
            return Err(gone(&self.path));
        }
        let done = work(open);
        done.map_err(|error| {
            state.has_failed |= recovery::is_due_after(&error);
            if recovery::is_of_disk(&error) {
                self.writes.failed(&error);
            }
            sql_failed(&self.path, error)
        })
    }

    /// Sees to it that a tenant whose creation or deletion failed is not found to be ready later: its caller
    /// was told that it is not there. This writes over what the failed change left in the log, since the next
    /// process reads that whether it was synced or not; on the same connection, which knows where it begins, and
    /// without a sync, whose failure would keep SQLite from writing. It is synced when the file is opened again.
    pub(super) fn withdraw(&self, tenant: &Tenant) {
        let mut state = self.lock();
        state.withdrawn.insert(tenant.client_id);
        state.has_failed = true; // what is written here is not synced
        let Some(open) = &state.open else {
            return;
        };
        let unsynced = open.connection.pragma_update(None, "synchronous", "OFF");
        let withdrawn = unsynced.and_then(|()| withdraw(&open.connection, tenant.client_id));
        if let Err(error) = withdrawn {
            let name = &tenant.database_name;
            tracing::warn!(tenant = %name, "a tenant is not withdrawn yet: {error}");
        }
    }

    /// Closes the file; every later call fails.
    pub(super) fn close(&self) -> Result<(), Error> {
        let mut state = self.lock();
        let has_failed = std::mem::take(&mut state.has_failed);
        match state.open.take() {
            Some(open) if !has_failed => {
                open.close().map_err(|error| sql_failed(&self.path, error))
            }
            // After a failure the log is what there is to go by, and stays.
            Some(_) | None => Ok(()),
        }
    }

    /// Opens the file again after a failure, once its log is on the disk.
    fn open_again(&self, state: &mut State) -> Result<(), Error> {
        let now = Instant::now();
        let last = state.last_attempt;
        if last.is_some_and(|last| now.duration_since(last) < RECOVER_EVERY) {
            return Err(failed_before());
        }
        state.last_attempt = Some(now);
        let alone = self.guests.keep_out()?;
        state.open = None;
        let opened = incarnation::require_own_log(&self.path)
            .and_then(|()| recovery::prepare_alone(&self.path, &alone))
            .and_then(|()| connect_to(&self.path))
            .inspect_err(|error| self.writes.failed(chain(error)))?;
        drop(alone);
        let open = state.open.insert(opened);
        for id in &state.withdrawn {
            withdraw(&open.connection, *id).map_err(|error| sql_failed(&self.path, error))?;
        }
        state.withdrawn.clear();
        state.has_failed = false;
        tracing::info!("the tenant registry is open again");
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn withdraw(connection: &Connection, id: ClientId) -> rusqlite::Result<()> {
    let sql = "UPDATE tenants SET state = 'deleting' WHERE client_id = ? AND state <> 'deleting'";
    connection.execute(sql, [id.uuid()]).map(drop)
}

fn gone(path: &Path) -> Error {
    let path = path.display();
    refused(format!(
        "the tenant registry '{path}' was removed or replaced while in use"
    ))
}

fn connect(folder: &Folder, path: &Path) -> Result<Open, Error> {
    if !path.try_exists().map_err(|error| io_failed(path, error))? {
        create_file(path)?;
        sync_folder(folder.path())?;
    }
    incarnation::require_own_log(path)?;
    let _alone = recovery::prepare(path, &folder.guests())?;
    let open = connect_to(path)?;
    sync_folder(folder.path())?; // SQLite made the log, and does not say if it could not sync its name
    Ok(open)
}

/// Opens a file that is there and whose log is on the disk.
fn connect_to(path: &Path) -> Result<Open, Error> {
    let failed = |error: rusqlite::Error| sql_failed(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    recovery::leave_log_alone(&connection).map_err(failed)?;
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(failed)?;
    // A file that was made and never filled: the last process ended in between.
    let pages: i64 = connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .map_err(failed)?;
    if pages == 0 {
        REGISTRY.create(&mut connection, path)?;
    } else {
        REGISTRY.upgrade(&mut connection, path)?;
    }
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .map_err(failed)?;
    // Creating the schema of a new file needs no log: this makes it, if nothing has yet.
    connection
        .query_row("SELECT count(*) FROM tenants", [], |_| Ok(()))
        .map_err(failed)?;
    require_integrity(&connection, path)?;
    let in_use = InUse::mark(path)?;
    let incarnation = Incarnation::begin(path)?;
    let folded = incarnation.checkpoint(|| fold_back(&connection));
    folded.map_err(failed)?;
    Ok(Open {
        connection,
        incarnation,
        _in_use: in_use,
    })
}

/// Refuses a file of which a part was lost or changed: what it has no entry of would be told to be no tenant.
pub(super) fn require_integrity(connection: &Connection, path: &Path) -> Result<(), Error> {
    let verdict = connection.query_row("PRAGMA integrity_check(1)", [], |row| {
        row.get::<_, String>(0)
    });
    let verdict = verdict.map_err(|error| sql_failed(path, error))?;
    if verdict == "ok" {
        return Ok(());
    }
    let verdict = verdict.replace('\n', " ");
    Err(Error::Damaged(format!("{}: {verdict}", path.display())))
}

/// Copies all of the log into the file, and empties it unless somebody reads it at the moment.
fn fold_back(connection: &Connection) -> rusqlite::Result<Copied> {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let (in_log, frames): (u32, u32) =
        connection.query_row(sql, [], |row| Ok((row.get(1)?, row.get(2)?)))?;
    if frames >= in_log {
        return Ok(Copied {
            frames,
            is_all: true,
        });
    }
    let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    let message = "a reader keeps the log from being folded back".to_owned();
    Err(rusqlite::Error::SqliteFailure(busy, Some(message)))
}
