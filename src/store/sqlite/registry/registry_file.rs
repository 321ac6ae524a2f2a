//! The file of the tenant entries, `registry.db`: always open, and opened again after a change that failed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::Connection;

use crate::domain::cause::chain;
use crate::domain::{ClientId, Tenant};
use crate::store::sqlite::disk::error_mapping::{io_failed, refused, sql_failed};
use crate::store::sqlite::disk::file_system::{Inode, create_file, sync};
use crate::store::sqlite::disk::in_use_lock::{InUseLock, InUseLocks};
use crate::store::sqlite::wal::connection::{self, close_with_checkpoint};
use crate::store::sqlite::wal::ownership::{self, Checkpointed, WalOwnership};
use crate::store::sqlite::wal::recovery::{self, ReopenLimiter};
use crate::store::sqlite::{disk::Folder, disk::access_lock::AccessLock, tables::schema::REGISTRY};
use crate::store::{Error, closed};
use crate::write_health::WriteHealth;

/// Every method does disk I/O: not for an async task.
#[derive(Debug)]
pub(super) struct RegistryFile {
    path: PathBuf,
    inode: Inode,
    access_lock: AccessLock,
    in_use: InUseLocks,
    writes: WriteHealth,
    reopen: ReopenLimiter,
    state: Mutex<FileState>,
}

#[derive(Debug)]
struct FileState {
    /// `None` once closed, and where it could not be opened again after a failure.
    open: Option<Open>,
    /// A change failed, so that what was written may not be on the disk.
    has_failed: bool,
    /// The state of entries as callers were told it, whatever the file says.
    withdrawn: HashMap<ClientId, Withdrawal>,
}

/// What an entry is after a change of it that failed, and may be on the disk all the same.
#[derive(Debug, Clone, Copy)]
pub(super) enum Withdrawal {
    /// Its creation or deletion failed.
    Deleting,
    /// It was not hidden.
    Ready,
    /// It was not restored, nor deleted for good.
    Hidden,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    /// Every checkpoint goes through this.
    ownership: WalOwnership,
    _in_use: InUseLock,
}

impl Open {
    fn close(self) -> rusqlite::Result<()> {
        self.ownership.begin_checkpoint()?;
        close_with_checkpoint(self.connection)?;
        self.ownership.end();
        Ok(())
    }
}

impl RegistryFile {
    /// Opens the file, or creates one where there is none.
    pub(super) fn open(folder: &Folder) -> Result<Self, Error> {
        let path = folder.layout.registry();
        let open = connect(folder, &path)?;
        let inode = Inode::at(&path).map_err(|error| io_failed(&path, error))?;
        Ok(Self {
            inode: inode.ok_or_else(|| gone(&path))?,
            access_lock: folder.access_lock(),
            in_use: folder.in_use.clone(),
            writes: folder.writes.clone(),
            path,
            reopen: ReopenLimiter::default(),
            state: Mutex::new(FileState {
                open: Some(open),
                has_failed: false,
                withdrawn: HashMap::new(),
            }),
        })
    }

    /// Changes the file, and runs a checkpoint before this returns: no answer ever depends on
    /// the log alone. After an error the change may be there or not, as after a commit that failed.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.with_open(|open| {
            let done = work(&open.connection)?;
            open.ownership.checkpoint(|| checkpoint(&open.connection))?;
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
        // A change to a file that somebody has removed would be gone with this process.
        let found = Inode::at(&self.path).map_err(|error| io_failed(&self.path, error))?;
        if found != Some(self.inode) {
            return Err(gone(&self.path));
        }
        let done = work(open);
        done.map_err(|error| {
            state.has_failed |= recovery::is_due_after(&error);
            if recovery::is_disk_failure(&error) {
                self.writes.failed(&error);
            }
            sql_failed(&self.path, error)
        })
    }

    /// Ensures that a tenant whose creation or deletion failed is not found to be ready later: its caller
    /// was told that it is not there. After a failure to hide or restore one, its entry stays what it was. This overwrites what the failed change left in the log, since the next
    /// process reads that whether it was synced or not; on the same connection, which knows where it begins, and
    /// without a sync, whose failure would keep SQLite from writing. It is synced when the file is opened again.
    pub(super) fn withdraw(&self, tenant: &Tenant, withdrawal: Withdrawal) {
        let mut state = self.lock();
        state.withdrawn.insert(tenant.client_id, withdrawal);
        state.has_failed = true; // what is written here is not synced
        let Some(open) = &state.open else {
            return;
        };
        let unsynced = open.connection.pragma_update(None, "synchronous", "OFF");
        let withdrawn =
            unsynced.and_then(|()| withdraw(&open.connection, tenant.client_id, withdrawal));
        if let Err(error) = withdrawn {
            let name = &tenant.database_name;
            tracing::warn!(tenant = %name, "withdrawing a tenant failed, and is tried again: {error}");
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
            // After a failure only the log is known to be right, and stays.
            Some(_) | None => Ok(()),
        }
    }

    /// Opens the file again after a failure, once its log is on the disk.
    fn open_again(&self, state: &mut FileState) -> Result<(), Error> {
        self.reopen.begin(Instant::now())?;
        let exclusive = self.access_lock.exclusive()?;
        state.open = None;
        let opened = ownership::require_own_wal(&self.path)
            .and_then(|()| recovery::prepare_exclusively(&self.path, &exclusive))
            .and_then(|()| connect_to(&self.path, &self.in_use))
            .inspect_err(|error| self.writes.failed(chain(error)))?;
        drop(exclusive);
        let open = state.open.insert(opened);
        for (id, withdrawal) in &state.withdrawn {
            withdraw(&open.connection, *id, *withdrawal)
                .map_err(|error| sql_failed(&self.path, error))?;
        }
        state.withdrawn.clear();
        state.has_failed = false;
        tracing::info!("the tenant registry is open again");
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, FileState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn withdraw(connection: &Connection, id: ClientId, withdrawal: Withdrawal) -> rusqlite::Result<()> {
    let sql = match withdrawal {
        Withdrawal::Deleting => {
            "UPDATE tenants SET state = 'deleting' WHERE client_id = ? AND state <> 'deleting'"
        }
        Withdrawal::Ready => {
            "UPDATE tenants SET state = 'ready' WHERE client_id = ? AND state = 'hidden'"
        }
        Withdrawal::Hidden => {
            "UPDATE tenants SET state = 'hidden' WHERE client_id = ? AND state IN ('ready', 'deleting')"
        }
    };
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
        sync(folder.layout.path())?;
    }
    ownership::require_own_wal(path)?;
    let _exclusive = recovery::prepare(path, &folder.access_lock())?;
    let open = connect_to(path, &folder.in_use)?;
    sync(folder.layout.path())?; // SQLite created the log, and does not say if it could not sync its name
    Ok(open)
}

/// Opens a file that is there and whose log is on the disk.
fn connect_to(path: &Path, in_use: &InUseLocks) -> Result<Open, Error> {
    let failed = |error: rusqlite::Error| sql_failed(path, error);
    let mut connection = connection::open(path).map_err(failed)?;
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(failed)?;
    // A file that was created and never filled: the last process ended in between.
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
    // Creating the schema of a new file needs no log: this creates it, if nothing has yet.
    connection
        .query_row("SELECT count(*) FROM tenants", [], |_| Ok(()))
        .map_err(failed)?;
    require_integrity(&connection, path)?;
    let inode = Inode::at(path).map_err(|error| io_failed(path, error))?;
    let in_use = in_use.lock(inode.ok_or_else(|| gone(path))?, path)?;
    let ownership = WalOwnership::begin(path)?;
    let copied = ownership.checkpoint(|| checkpoint(&connection));
    copied.map_err(failed)?;
    Ok(Open {
        connection,
        ownership,
        _in_use: in_use,
    })
}

/// Refuses a file of which a part was lost or changed: tenants without an entry would be reported as unknown.
pub(crate) fn require_integrity(connection: &Connection, path: &Path) -> Result<(), Error> {
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

/// Copies all of the log into the file, and truncates it unless somebody is reading it.
fn checkpoint(connection: &Connection) -> rusqlite::Result<Checkpointed> {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let (in_wal, frames): (u32, u32) =
        connection.query_row(sql, [], |row| Ok((row.get(1)?, row.get(2)?)))?;
    if frames >= in_wal {
        return Ok(Checkpointed {
            frames,
            is_complete: true,
        });
    }
    let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    let message = "a reader keeps the checkpoint from ending".to_owned();
    Err(rusqlite::Error::SqliteFailure(busy, Some(message)))
}
