//! The tenant entries: in `registry.db`, and in memory for lookups.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::entries::{State, load, state};
use super::errors::{io_failed, refused, sql_failed};
use super::folder::{Folder, Identity, Sighting, create_file, sync_folder};
use super::migrations::REGISTRY;
use super::open_tenants::Slot;
use super::orphans::Orphans;
use super::recovery::{self, InUse};
use crate::domain::{ClientId, DatabaseName, Tenant};
use crate::store::{Error, closed};

/// Every method but the lookups does disk I/O: not for an async task.
#[derive(Debug)]
pub(super) struct Registry {
    path: PathBuf,
    identity: Identity,
    /// `None` once closed.
    connection: Mutex<Option<Open>>,
    ready: RwLock<Ready>,
}

/// The open file.
#[derive(Debug)]
struct Open {
    connection: Connection,
    _in_use: InUse,
}

/// A tenant whose database is ready, and where its open database is kept.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) tenant: Arc<Tenant>,
    pub(super) slot: Slot,
    /// Of the database file.
    pub(super) seen: Sighting,
}

/// The entries that lookups find, and the databases whose entries were lost.
#[derive(Debug, Default)]
struct Ready {
    by_client_id: HashMap<ClientId, Arc<Entry>>,
    by_name: HashMap<DatabaseName, Arc<Entry>>,
    orphans: Orphans,
    closed: bool,
}

impl Registry {
    /// Opens the registry of a folder, or makes one in a folder that has no databases yet: starting with no
    /// entries would tell every sender that its tenant does not exist, for good. Returns the entries whose
    /// creation or deletion was cut short, too.
    pub(super) fn open(folder: &Folder) -> Result<(Self, Vec<(Tenant, State)>), Error> {
        let refuse = |problem| match folder.databases()?.first() {
            Some(database) => Err(Error::Damaged(format!(
                "'{}' is there, and the registry '{}' {problem}: restore it from a backup, or restore the \
                 entries from the databases with `event-history tenants adopt --all`",
                database.display(),
                folder.registry().display()
            ))),
            None => Ok(()),
        };
        let path = folder.registry();
        if !path.try_exists().map_err(|error| io_failed(&path, error))? {
            refuse("is missing")?;
        }
        let (registry, unfinished) = Self::open_or_make(folder)?;
        if registry.count() == 0 && unfinished.is_empty() {
            refuse("has no tenant entries")?;
        }
        Ok((registry, unfinished))
    }

    /// The same for an operator's repairs, whatever databases there are.
    pub(super) fn open_or_make(folder: &Folder) -> Result<(Self, Vec<(Tenant, State)>), Error> {
        let path = folder.registry();
        let open = connect(folder, &path)?;
        let mut ready = Ready::default();
        let mut unfinished = Vec::new();
        for (tenant, state) in load(&open.connection).map_err(|error| sql_failed(&path, error))? {
            match state {
                State::Ready => ready.insert(tenant),
                State::Creating | State::Deleting => unfinished.push((tenant, state)),
            }
        }
        let identity = Identity::at(&path).map_err(|error| io_failed(&path, error))?;
        let registry = Self {
            identity: identity.ok_or_else(|| gone(&path))?,
            path,
            connection: Mutex::new(Some(open)),
            ready: RwLock::new(ready),
        };
        Ok((registry, unfinished))
    }

    /// [`Error::EntryMissing`] if it may be the id of a tenant whose entry was lost.
    pub(super) fn by_client_id(&self, id: ClientId) -> Result<Option<Arc<Entry>>, Error> {
        self.lookup(
            |ready| ready.by_client_id.get(&id),
            |orphans| orphans.of_client_id(id),
        )
    }

    /// [`Error::EntryMissing`] if it is the name of a tenant whose entry was lost.
    pub(super) fn by_name(&self, name: &DatabaseName) -> Result<Option<Arc<Entry>>, Error> {
        self.lookup(
            |ready| ready.by_name.get(name),
            |orphans| orphans.of_name(name),
        )
    }

    /// Returns how many tenants are ready.
    pub(super) fn count(&self) -> usize {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.by_name.len()
    }

    /// Tells whether a tenant of this name is ready.
    pub(super) fn knows(&self, name: &DatabaseName) -> bool {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.by_name.contains_key(name)
    }

    /// From now on lookups tell of these databases that their entries were lost.
    pub(super) fn set_orphans(&self, orphans: Orphans) {
        self.write_ready().orphans = orphans;
    }

    /// Returns the tenants that are ready, ordered by name.
    pub(super) fn tenants(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        if ready.closed {
            return Err(closed());
        }
        let entries = ready.by_name.values();
        let mut tenants: Vec<_> = entries.map(|entry| Arc::clone(&entry.tenant)).collect();
        tenants.sort_unstable_by(|one, other| one.database_name.cmp(&other.database_name));
        Ok(tenants)
    }

    /// Returns whose name it is and how far that one has come, on disk.
    pub(super) fn state(&self, name: &DatabaseName) -> Result<Option<(ClientId, State)>, Error> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT client_id, state FROM tenants WHERE database_name = ?")?
                .query_row([name.as_str()], |row| {
                    Ok((ClientId::from_uuid(row.get(0)?), state(row, 1)?))
                })
                .optional()
        })
    }

    /// Returns all entries on disk, whatever their state.
    pub(super) fn entries(&self) -> Result<Vec<(Tenant, State)>, Error> {
        self.with(load)
    }

    /// Takes the name, before anything is made on disk.
    pub(super) fn begin_creation(&self, tenant: &Tenant) -> Result<(), Error> {
        self.insert(tenant, "creating")
    }

    /// Restores the entry of a database that is there.
    pub(super) fn adopt(&self, tenant: &Tenant) -> Result<(), Error> {
        self.insert(tenant, "ready")
    }

    fn insert(&self, tenant: &Tenant, state: &str) -> Result<(), Error> {
        let Tenant {
            client_id,
            database_name,
            client_label,
            client_secret_sha256,
            created_at,
        } = tenant;
        self.change(|connection| {
            let sql = "INSERT INTO tenants (database_name, client_id, client_label, \
                       client_secret_sha256, created_at, state) VALUES (?, ?, ?, ?, ?, ?)";
            connection.prepare_cached(sql)?.execute(params![
                database_name.as_str(),
                client_id.uuid(),
                client_label,
                client_secret_sha256,
                created_at.to_string(),
                state,
            ])
        })?;
        Ok(())
    }

    /// Makes the entry one that lookups find.
    pub(super) fn finish_creation(&self, tenant: Tenant) -> Result<(), Error> {
        self.set_state(&tenant, "ready")?;
        self.write_ready().insert(tenant);
        Ok(())
    }

    /// Hides the entry from lookups, before anything is removed from disk. Returns `None` if the
    /// tenant has no entry, or one that is hidden already. It is hidden after a failure too if the disk
    /// says, or may say, that it is to go: nothing is stored that the next start would remove.
    pub(super) fn begin_deletion(&self, tenant: &Tenant) -> Result<Option<Arc<Entry>>, Error> {
        if self.by_client_id(tenant.client_id)?.is_none() {
            return Ok(None);
        }
        let changed = self.set_state(tenant, "deleting");
        let may_go = changed.is_ok()
            || !matches!(
                self.state(&tenant.database_name),
                Ok(Some((_, State::Ready)))
            );
        let hidden = may_go.then(|| self.write_ready().remove(tenant.client_id));
        changed.map(|()| hidden.flatten())
    }

    /// Frees the name, after everything is gone from disk.
    pub(super) fn forget(&self, name: &DatabaseName) -> Result<(), Error> {
        self.change(|connection| {
            connection
                .prepare_cached("DELETE FROM tenants WHERE database_name = ?")?
                .execute([name.as_str()])
        })?;
        Ok(())
    }

    /// Reads from disk.
    pub(super) fn ping(&self) -> Result<(), Error> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM tenants LIMIT 1)")?
                .query_row([], |row| row.get::<_, i64>(0))
        })?;
        Ok(())
    }

    /// Closes the file; every later call fails.
    pub(super) fn close(&self) -> Result<(), Error> {
        *self.write_ready() = Ready {
            closed: true,
            ..Ready::default()
        };
        match self.lock().take() {
            Some(open) => recovery::close_with_checkpoint(open.connection)
                .map_err(|error| sql_failed(&self.path, error)),
            None => Ok(()),
        }
    }

    fn set_state(&self, tenant: &Tenant, state: &str) -> Result<(), Error> {
        let changed = self.change(|connection| {
            let sql = "UPDATE tenants SET state = ? WHERE database_name = ? AND client_id = ?";
            connection.prepare_cached(sql)?.execute(params![
                state,
                tenant.database_name.as_str(),
                tenant.client_id.uuid(),
            ])
        })?;
        if changed == 1 {
            return Ok(());
        }
        let name = &tenant.database_name;
        Err(refused(format!(
            "the entry of tenant '{name}' is gone from the registry"
        )))
    }

    fn lookup(
        &self,
        find: impl FnOnce(&Ready) -> Option<&Arc<Entry>>,
        miss: impl FnOnce(&Orphans) -> Result<(), Error>,
    ) -> Result<Option<Arc<Entry>>, Error> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        if ready.closed {
            return Err(closed());
        }
        let found = find(&ready).map(Arc::clone);
        if found.is_none() {
            miss(&ready.orphans)?;
        }
        Ok(found)
    }

    fn write_ready(&self) -> std::sync::RwLockWriteGuard<'_, Ready> {
        self.ready.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the file, and folds the change back into it before anybody is told: no answer ever rests on
    /// the log alone. After an error the change may be there or not, as after a commit that failed.
    fn change<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        self.with(|connection| {
            let done = work(connection)?;
            fold_back(connection)?;
            Ok(done)
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let open = self.lock();
        let connection = &open.as_ref().ok_or_else(closed)?.connection;
        // What is written to a file that somebody has removed would be gone with this process.
        let found = Identity::at(&self.path).map_err(|error| io_failed(&self.path, error))?;
        if found != Some(self.identity) {
            return Err(gone(&self.path));
        }
        work(connection).map_err(|error| sql_failed(&self.path, error))
    }
}

impl Ready {
    fn insert(&mut self, tenant: Tenant) {
        let entry = Arc::new(Entry {
            tenant: Arc::new(tenant),
            slot: Slot::default(),
            seen: Sighting::default(),
        });
        let tenant = &entry.tenant;
        self.by_client_id
            .insert(tenant.client_id, Arc::clone(&entry));
        self.by_name
            .insert(tenant.database_name.clone(), Arc::clone(&entry));
    }

    fn remove(&mut self, id: ClientId) -> Option<Arc<Entry>> {
        let entry = self.by_client_id.remove(&id)?;
        self.by_name.remove(&entry.tenant.database_name);
        Some(entry)
    }
}

fn gone(path: &Path) -> Error {
    let path = path.display();
    refused(format!(
        "the tenant registry '{path}' was removed or replaced while in use"
    ))
}

fn connect(folder: &Folder, path: &Path) -> Result<Open, Error> {
    let failed = |error| sql_failed(path, error);
    if !path.try_exists().map_err(|error| io_failed(path, error))? {
        create_file(path)?;
        sync_folder(folder.path())?;
    }
    let alone = recovery::prepare(path, &folder.guests())?;
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
    drop(alone);
    sync_folder(folder.path())?; // SQLite made the log, and does not say if it could not sync its name
    fold_back(&connection).map_err(failed)?;
    Ok(Open {
        connection,
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
fn fold_back(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let (in_log, folded): (i64, i64) =
        connection.query_row(sql, [], |row| Ok((row.get(1)?, row.get(2)?)))?;
    if folded >= in_log {
        return Ok(());
    }
    let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    let message = "a reader keeps the log from being folded back".to_owned();
    Err(rusqlite::Error::SqliteFailure(busy, Some(message)))
}
