//! The tenant entries: in `registry.db`, and in memory for lookups.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use super::errors::{io_failed, refused, sql_failed};
use super::folder::{Folder, Identity, Sighting, create_file, sync_folder};
use super::migrations::REGISTRY;
use super::open_tenants::Slot;
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

/// How far the making or the removal of a database has come. What is not ready when a process starts
/// was cut short by the end of the last one, and is removed: nobody was told that it is there, or
/// somebody was promised that it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Creating,
    Ready,
    Deleting,
}

/// The entries that lookups find.
#[derive(Debug, Default)]
struct Ready {
    by_client_id: HashMap<ClientId, Arc<Entry>>,
    by_name: HashMap<DatabaseName, Arc<Entry>>,
    closed: bool,
}

impl Registry {
    /// Opens the registry of a folder, or makes one in a folder that has no databases yet. Returns
    /// the names whose creation or deletion was cut short, too.
    pub(super) fn open(folder: &Folder) -> Result<(Self, Vec<DatabaseName>), Error> {
        let path = folder.registry();
        let open = connect(folder, &path)?;
        let mut ready = Ready::default();
        let mut unfinished = Vec::new();
        for (tenant, state) in load(&open.connection).map_err(|error| sql_failed(&path, error))? {
            match state {
                State::Ready => ready.insert(tenant),
                State::Creating | State::Deleting => unfinished.push(tenant.database_name),
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

    pub(super) fn by_client_id(&self, id: ClientId) -> Result<Option<Arc<Entry>>, Error> {
        self.lookup(|ready| ready.by_client_id.get(&id))
    }

    pub(super) fn by_name(&self, name: &DatabaseName) -> Result<Option<Arc<Entry>>, Error> {
        self.lookup(|ready| ready.by_name.get(name))
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

    /// Returns the names of all entries on disk, whatever their state.
    pub(super) fn names(&self) -> Result<Vec<DatabaseName>, Error> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached("SELECT database_name FROM tenants")?;
            statement
                .query_map([], |row| database_name(row, 0))?
                .collect()
        })
    }

    /// Takes the name, before anything is made on disk.
    pub(super) fn begin_creation(&self, tenant: &Tenant) -> Result<(), Error> {
        let Tenant {
            client_id,
            database_name,
            client_label,
            client_secret_sha256,
            created_at,
        } = tenant;
        self.with(|connection| {
            let sql = "INSERT INTO tenants (database_name, client_id, client_label, \
                       client_secret_sha256, created_at, state) VALUES (?, ?, ?, ?, ?, 'creating')";
            connection.prepare_cached(sql)?.execute(params![
                database_name.as_str(),
                client_id.uuid(),
                client_label,
                client_secret_sha256,
                created_at.to_string(),
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
    /// tenant has no entry, or one that is hidden already.
    pub(super) fn begin_deletion(&self, tenant: &Tenant) -> Result<Option<Arc<Entry>>, Error> {
        if self.by_client_id(tenant.client_id)?.is_none() {
            return Ok(None);
        }
        self.set_state(tenant, "deleting")?;
        Ok(self.write_ready().remove(tenant.client_id))
    }

    /// Frees the name, after everything is gone from disk.
    pub(super) fn forget(&self, name: &DatabaseName) -> Result<(), Error> {
        self.with(|connection| {
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
        let changed = self.with(|connection| {
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
    ) -> Result<Option<Arc<Entry>>, Error> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        if ready.closed {
            return Err(closed());
        }
        Ok(find(&ready).map(Arc::clone))
    }

    fn write_ready(&self) -> std::sync::RwLockWriteGuard<'_, Ready> {
        self.ready.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
        // Starting with no entries would tell every sender that its tenant does not exist, for good.
        if let Some(database) = folder.databases()?.first() {
            let (database, path) = (database.display(), path.display());
            let message = format!("'{database}' is there, and the registry '{path}' is missing");
            return Err(Error::Damaged(message));
        }
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
    let in_use = InUse::mark(path)?;
    drop(alone);
    sync_folder(folder.path())?; // SQLite made the log, and does not say if it could not sync its name
    Ok(Open {
        connection,
        _in_use: in_use,
    })
}

/// Reads every entry, whatever its state.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Vec<(Tenant, State)>> {
    let sql = "SELECT client_id, database_name, client_label, client_secret_sha256, created_at, \
               state FROM tenants";
    connection.prepare(sql)?.query_map([], from_row)?.collect()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<(Tenant, State)> {
    Ok((tenant_from_row(row)?, state(row, 5)?))
}

/// Reads the entry in the first five columns, in the order of [`Tenant`].
pub(super) fn tenant_from_row(row: &Row<'_>) -> rusqlite::Result<Tenant> {
    let created_at: String = row.get(4)?;
    Ok(Tenant {
        client_id: ClientId::from_uuid(row.get(0)?),
        database_name: database_name(row, 1)?,
        client_label: row.get(2)?,
        client_secret_sha256: row.get(3)?,
        created_at: Timestamp::from_str(&created_at).map_err(|error| bad_text(4, error))?,
    })
}

fn database_name(row: &Row<'_>, column: usize) -> rusqlite::Result<DatabaseName> {
    DatabaseName::parse(row.get_ref(column)?.as_str()?).map_err(|error| bad_text(column, error))
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    match row.get_ref(column)?.as_str()? {
        "creating" => Ok(State::Creating),
        "ready" => Ok(State::Ready),
        "deleting" => Ok(State::Deleting),
        other => Err(bad_text(column, format!("'{other}' is not a state"))),
    }
}

fn bad_text(
    column: usize,
    problem: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, problem.into())
}
