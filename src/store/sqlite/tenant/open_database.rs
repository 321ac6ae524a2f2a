//! An open database: its readers and its writer; and how a database is created.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::database_file::DatabaseFile;
use super::writer_thread::{SharedByWriters, Writer};
use super::{connect, identity};
use crate::domain::Tenant;
use crate::domain::cause::chain;
use crate::store::Error;
use crate::store::sqlite::disk::Folder;
use crate::store::sqlite::disk::error_mapping::{io_failed, sql_failed};
use crate::store::sqlite::disk::file_system::{Inode, create_file, created_ns, sync};
use crate::store::sqlite::tables::{arrival, schema::TENANT, tenant_rows};
use crate::store::sqlite::wal::{connection, ownership, recovery};

/// The reads of one tenant that run at once; others wait for their turn.
const MAX_READERS: usize = 2;

/// A tenant's open database.
#[derive(Debug)]
pub(crate) struct Database {
    file: Arc<DatabaseFile>,
    pub(crate) writer: Writer,
    /// Permits to read. Reads wait neither for the writer nor for each other.
    pub(crate) turns: Arc<Semaphore>,
    idle_readers: Mutex<Vec<Connection>>,
}

impl Database {
    /// Opens the database of a tenant, and upgrades its schema. Never creates one, and refuses the database of
    /// another tenant.
    pub(crate) fn open(
        folder: &Folder,
        tenant: &Tenant,
        shared: &SharedByWriters,
    ) -> Result<Self, Error> {
        let name = &tenant.database_name;
        let path = folder.layout.database(name);
        let inode = Inode::at(&path)
            .map_err(|error| io_failed(&path, error))?
            .ok_or_else(|| Error::DatabaseMissing(name.clone()))?;
        identity::require(&path, tenant)?;
        ownership::require_own_wal(&path)?;
        let is_restored = ownership::has_lost_wal(&path);
        let prepared = recovery::prepare(&path, &folder.access_lock());
        let exclusive = prepared.inspect_err(|error| {
            if let Error::Unavailable(cause) = error {
                folder.writes.failed(chain(&**cause));
            }
        })?;
        let failed = |error| sql_failed(&path, error);
        let mut connection = connect::open(&path).map_err(failed)?;
        TENANT.upgrade(&mut connection, &path)?;
        connect::prepare_writing(&connection).map_err(failed)?;
        let claimed = arrival::claim_file(&connection, created_ns(&path), is_restored);
        claimed.map_err(failed)?;
        // Reading creates the log, if nothing has created it yet.
        let read = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
        read.map_err(failed)?;
        let file = Arc::new(DatabaseFile::open(folder, name, path, inode)?);
        drop(exclusive);
        Ok(Self {
            writer: Writer::start(Arc::clone(&file), connection, tenant.client_id, shared)?,
            file,
            turns: Arc::new(Semaphore::new(MAX_READERS)),
            idle_readers: Mutex::default(),
        })
    }

    /// Tells whether this is still the tenant's database: somebody may have removed the file, or put
    /// another in its place, and what would be written here then would be lost. One `stat`, which
    /// takes microseconds, so fit for an async task.
    pub(crate) fn is_current(&self) -> bool {
        let works = self.writer.is_running() && !self.has_failed();
        works && self.file.is_in_place().unwrap_or(true)
    }

    /// Tells whether it has to be closed and opened again before anybody uses it.
    pub(crate) fn has_failed(&self) -> bool {
        self.file.has_failed()
    }

    /// Reads while `_turn` is held. Does disk I/O.
    pub(crate) fn read<T>(
        &self,
        _turn: OwnedSemaphorePermit,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let failed = |error| sql_failed(&self.file.path, error);
        let unused = self.idle_readers().pop();
        let mut connection = match unused {
            Some(connection) => connection,
            None => connect::open_reader(&self.file.path).map_err(failed)?,
        };
        let result = work(&mut connection).map_err(failed)?; // one that failed is not used again
        self.idle_readers().push(connection);
        Ok(result)
    }

    fn idle_readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        let idle = self.idle_readers.lock();
        idle.unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes on a connection of its own, for what is rare: SQLite lets it and the writer take turns. Does disk I/O.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let path = &self.file.path;
        let synced = self.file.sync_wal_name();
        synced.map_err(|error| io_failed(path, error))?;
        let connected = self.file.connect();
        let written = connected.and_then(|mut connection| work(&mut connection));
        written.map_err(|error| {
            self.file.note_failure(&error);
            sql_failed(path, error)
        })
    }

    /// Writes what is queued and closes every handle. Does disk I/O.
    pub(crate) fn close(self) {
        let Self {
            file,
            writer,
            turns: _,
            idle_readers,
        } = self;
        // An external process that came just now would build the log's index from what may not be on the disk.
        let exclusive = file.has_failed().then(|| file.access_lock.exclusive());
        drop(idle_readers); // first, so that the writer can run a checkpoint
        writer.close();
        drop(exclusive);
    }
}

/// Begins another epoch of the arrival order in the database of a tenant, which nobody has open. Does disk I/O.
pub(crate) fn renew_epoch(folder: &Folder, tenant: &Tenant) -> Result<(), Error> {
    let path = folder.layout.database(&tenant.database_name);
    identity::require(&path, tenant)?;
    ownership::require_own_wal(&path)?;
    let _exclusive = recovery::prepare(&path, &folder.access_lock())?;
    let failed = |error| sql_failed(&path, error);
    let mut connection = connect::open(&path).map_err(failed)?;
    TENANT.upgrade(&mut connection, &path)?;
    connect::prepare_writing(&connection).map_err(failed)?;
    arrival::renew_epoch(&connection).map_err(failed)?;
    connection::close_with_checkpoint(connection).map_err(failed)
}

/// Creates an empty database, durably. Does disk I/O.
pub(crate) fn create(folder: &Folder, tenant: &Tenant) -> Result<(), Error> {
    let path = folder.layout.database(&tenant.database_name);
    create_file(&path)?;
    fill(&path, tenant)?;
    sync(&path)?;
    folder.sync_tenants()
}

/// Creates the schema without syncing: nobody is told of the file before it is synced as a whole.
fn fill(path: &Path, tenant: &Tenant) -> Result<(), Error> {
    let failed = |error| sql_failed(path, error);
    let mut connection = connect::open(path).map_err(failed)?;
    connection
        .execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;")
        .map_err(failed)?;
    TENANT.create(&mut connection, path)?;
    tenant_rows::insert_owner(&connection, tenant).map_err(failed)?;
    arrival::claim_file(&connection, created_ns(path), false).map_err(failed)?;
    connect::use_write_ahead_log(&connection).map_err(failed)?;
    connection::close_with_checkpoint(connection).map_err(failed)
}
