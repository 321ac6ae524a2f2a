//! An open database: its writer and its readers; and how a database is created.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::committer::{Closing, Opened};
use super::database_file::DatabaseFile;
use super::readers::{Key, Readers};
use super::writer::{Shared, Writer};
use super::{connect, identity};
use crate::domain::Tenant;
use crate::domain::cause::chain;
use crate::store::sqlite::disk::Folder;
use crate::store::sqlite::disk::error_mapping::{io_failed, sql_failed};
use crate::store::sqlite::disk::file_system::{Inode, create_file, created_ns, sync};
use crate::store::sqlite::tables::{arrival, schema::TENANT, tenant_rows};
use crate::store::sqlite::wal::left_log::LeftLog;
use crate::store::sqlite::wal::usage::LogBytes;
use crate::store::sqlite::wal::{connection, ownership, recovery};
use crate::store::{Error, closed};

/// The reads of one tenant that run at once; others wait for their turn.
const MAX_READERS: usize = 2;

/// A tenant's open database.
#[derive(Debug)]
pub(crate) struct Database {
    file: Arc<DatabaseFile>,
    pub(crate) writer: Writer,
    /// Permits to read. Reads wait neither for the writer nor for each other.
    turns: Arc<Semaphore>,
    readers: Readers,
    key: Key,
}

/// Permits to read, of the database and of the store.
#[derive(Debug)]
pub(crate) struct ReadTurn {
    _of_database: OwnedSemaphorePermit,
    _of_store: OwnedSemaphorePermit,
}

/// A database that is about to be opened.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) tenant: &'a Tenant,
    pub(crate) shared: &'a Shared,
    pub(crate) log: &'a Arc<LogBytes>,
    /// This process has had it open before.
    pub(crate) was_open: bool,
}

impl Opening<'_> {
    /// Opens the database of a tenant, and upgrades its schema. Never creates one, and refuses the database of
    /// another tenant. A log that was left when it was closed makes that faster.
    pub(crate) fn open(&self, left: Option<LeftLog>) -> Result<Database, Error> {
        let name = &self.tenant.database_name;
        let path = self.folder.layout.database(name);
        let inode = Inode::at(&path)
            .map_err(|error| io_failed(&path, error))?
            .ok_or_else(|| Error::DatabaseMissing(name.clone()))?;
        // What fails there fails below, with its reason.
        if let Some(left) = left
            && let Ok(Some(database)) = self.open_with(left, &path, inode)
        {
            return Ok(database);
        }
        identity::require(&path, self.tenant)?;
        ownership::require_own_wal(&path)?;
        // Somebody who looked into a closed database may have removed the log that this process left, with all of it in
        // the database.
        let is_restored = !self.was_open && ownership::has_lost_wal(&path);
        let has_log = recovery::has_wal(&path)?;
        let prepared = recovery::prepare(&path, &self.folder.access_lock());
        let exclusive = prepared.inspect_err(|error| {
            if let Error::Unavailable(cause) = error {
                self.folder.writes.failed(chain(&**cause));
            }
        })?;
        let failed = |error| sql_failed(&path, error);
        let mut connection = connect::open(&path).map_err(failed)?;
        TENANT.upgrade(&mut connection, &path)?;
        connect::prepare_writing(&connection).map_err(failed)?;
        let claimed = arrival::claim_file(&connection, created_ns(&path), is_restored);
        claimed.map_err(failed)?;
        read_something(&connection).map_err(failed)?; // creates the log, if nothing has created it yet
        let log = Arc::clone(self.log);
        let file = DatabaseFile::open(self.folder, name, path, inode, log, None)?;
        drop(exclusive);
        file.log.look_at_open(&file.path);
        self.start(file, connection, Opened::Anew { has_log })
    }

    /// Opens the database with the log that this process has left beside it, if nobody has touched it since.
    fn open_with(
        &self,
        left: LeftLog,
        path: &Path,
        inode: Inode,
    ) -> Result<Option<Database>, Error> {
        // External access would write the log again, since it sees nobody who has the database open.
        let _shared = self.folder.access_lock().shared()?;
        if !left.is_untouched(path) {
            return Ok(None);
        }
        let failed = |error| sql_failed(path, error);
        let connection = connect::open(path).map_err(failed)?;
        connect::prepare_commits(&connection).map_err(failed)?;
        read_something(&connection).map_err(failed)?;
        let opened = Opened::WithLeftLog(left.frames());
        let Some(ownership) = left.found_by(&connection) else {
            return Ok(None);
        };
        let (name, path, log) = (
            &self.tenant.database_name,
            PathBuf::from(path),
            Arc::clone(self.log),
        );
        let file = DatabaseFile::open(self.folder, name, path, inode, log, Some(ownership))?;
        self.start(file, connection, opened).map(Some)
    }

    fn start(
        &self,
        file: DatabaseFile,
        connection: Connection,
        opened: Opened,
    ) -> Result<Database, Error> {
        let file = Arc::new(file);
        let readers = self.shared.readers.clone();
        Ok(Database {
            writer: Writer::start(
                Arc::clone(&file),
                connection,
                self.tenant.client_id,
                opened,
                self.shared,
            )?,
            file,
            turns: Arc::new(Semaphore::new(MAX_READERS)),
            key: readers.key(),
            readers,
        })
    }
}

fn read_something(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

impl Database {
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

    /// Waits for a turn to read.
    pub(crate) async fn turn(&self) -> Result<ReadTurn, Error> {
        let of_database = Arc::clone(&self.turns).acquire_owned().await;
        Ok(ReadTurn {
            _of_database: of_database.map_err(|_| closed())?,
            _of_store: self.readers.turn().await.ok_or_else(closed)?,
        })
    }

    /// Reads while `_turn` is held. Does disk I/O.
    pub(crate) fn read<T>(
        &self,
        _turn: ReadTurn,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let path = &self.file.path;
        let read = self.readers.read(self.key, path, work);
        read.map_err(|error| sql_failed(path, error))
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

    /// Writes what is queued and closes every handle. Returns the log that is left, if it is one that the next opening
    /// may trust. Does disk I/O.
    pub(crate) fn close(self, how: Closing) -> Option<LeftLog> {
        let Self {
            file,
            writer,
            turns: _,
            readers,
            key,
        } = self;
        // An external process that came just now would build the log's index from what may not be on the disk.
        let exclusive = file.has_failed().then(|| file.access_lock.exclusive());
        readers.close(key); // first, so that the writer can run a checkpoint
        let left = writer.close(how);
        drop(exclusive);
        left
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
