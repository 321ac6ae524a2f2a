//! One tenant's database: how it is made, and what is held while it is open.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::errors::{io_failed, sql_failed};
use super::folder::{Folder, Guests, Identity, Lock, create_file, sync_file};
use super::identity;
use super::incarnation::{self, Incarnation};
use super::migrations::TENANT;
use super::recovery::{self, InUse};
use super::writer::{Shared, Writer};
use crate::domain::cause::chain;
use crate::domain::{DatabaseName, Tenant};
use crate::store::Error;
use crate::write_health::WriteHealth;

/// How many reads of one tenant run at once; the others wait for their turn.
const MAX_READERS: usize = 2;

/// The pages that a connection keeps in memory. With every tenant open (`MAX_OPEN_TENANTS`) and every
/// reader in use, all caches together stay under 64 MiB.
const CACHE_KIB: i64 = 256;

/// The pages that a writer under load keeps in memory. A transaction of some hundred events changes
/// more than [`CACHE_KIB`] holds, and what does not fit is written twice.
const LARGE_CACHE_MIB: u32 = 8;

/// The same for a large database, where the inner pages of the indexes and the ends of the records' parts of
/// them no longer fit, and each event would read several of them again: a 64th of its size, up to this.
const LARGEST_CACHE_MIB: u32 = 32;
const CACHED_PART: u32 = 64;

/// What all writers have for large caches, beside the others.
const LARGE_CACHES_MIB: usize = 64;

const PAGES_OF_MIB: u32 = 256; // of 4 KiB

/// What a statement waits for another process that looks into the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The statements that a connection keeps prepared; the text of a page's SQL varies with its filters.
const STATEMENTS: usize = 8;

/// A write-ahead log that a burst has grown is cut back to this when it starts over. Above what it
/// usually grows to under load: space that is there already is faster to write to.
const MAX_LOG_BYTES: i64 = 64 * 1024 * 1024;

/// The mebibytes for large caches that are left, shared by all writers of a store.
#[derive(Debug, Clone)]
pub(super) struct LargeCaches(Arc<Semaphore>);

/// A tenant's open database.
#[derive(Debug)]
pub(super) struct Database {
    site: Arc<Site>,
    pub(super) writer: Writer,
    readers: Readers,
}

/// Which file is open.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) name: DatabaseName,
    pub(super) path: PathBuf,
    identity: Identity,
    /// Every checkpoint goes through this.
    pub(super) incarnation: Incarnation,
    guests: Guests,
    writes: WriteHealth,
    /// What was written may not be on the disk: see [`Site::fail`].
    has_failed: AtomicBool,
    /// Whether the folder was synced since the log was made in it.
    is_log_named: AtomicBool,
    _in_use: InUse,
    /// Held here, so that nobody else gets into the folder while this file is open.
    _lock: Lock,
}

/// Connections that read; they wait neither for the writer nor for each other.
#[derive(Debug)]
struct Readers {
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Database {
    /// Opens the database of a tenant, and brings its schema up to date. Never makes one, and refuses
    /// the database of another tenant.
    pub(super) fn open(folder: &Folder, tenant: &Tenant, shared: &Shared) -> Result<Self, Error> {
        let name = &tenant.database_name;
        let path = folder.database(name);
        let identity = Identity::at(&path)
            .map_err(|error| io_failed(&path, error))?
            .ok_or_else(|| Error::DatabaseMissing(name.clone()))?;
        identity::require(&path, tenant)?;
        incarnation::require_own_log(&path)?;
        let failed = |error| sql_failed(&path, error);
        let guests = folder.guests();
        let alone = recovery::prepare(&path, &guests).inspect_err(|error| {
            if let Error::Unavailable(cause) = error {
                folder.writes.failed(chain(&**cause));
            }
        })?;
        let mut connection = connect(&path).map_err(failed)?;
        TENANT.upgrade(&mut connection, &path)?;
        prepare_writing(&connection).map_err(failed)?;
        // Reading makes the log, if nothing has made it yet.
        let read = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
        read.map_err(failed)?;
        let in_use = InUse::mark(&path)?;
        drop(alone);
        let site = Arc::new(Site {
            name: name.clone(),
            incarnation: Incarnation::begin(&path)?,
            path,
            identity,
            guests,
            writes: folder.writes.clone(),
            has_failed: AtomicBool::new(false),
            is_log_named: AtomicBool::new(false),
            _in_use: in_use,
            _lock: folder.lock()?,
        });
        Ok(Self {
            writer: Writer::start(Arc::clone(&site), connection, shared)?,
            site,
            readers: Readers {
                turns: Arc::new(Semaphore::new(MAX_READERS)),
                idle: Mutex::default(),
            },
        })
    }

    /// Tells whether this is still the tenant's database: somebody may have removed the file, or put
    /// another in its place, and what would be written here then would be lost. One `stat`, which
    /// takes microseconds, so fit for an async task.
    pub(super) fn is_current(&self) -> bool {
        let works = self.writer.is_running() && !self.has_failed();
        works && self.site.is_in_place().unwrap_or(true)
    }

    /// Tells whether it has to be closed and opened again before anybody uses it.
    pub(super) fn has_failed(&self) -> bool {
        self.site.has_failed()
    }

    /// Waits for the turn to read; the turn ends when the permit is dropped.
    pub(super) fn turns(&self) -> Arc<Semaphore> {
        Arc::clone(&self.readers.turns)
    }

    /// Reads in the turn that `_turn` stands for. Does disk I/O.
    pub(super) fn read<T>(
        &self,
        _turn: OwnedSemaphorePermit,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.try_read(work)
            .map_err(|error| sql_failed(&self.site.path, error))
    }

    fn try_read<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let idle = || {
            self.readers
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let unused = idle().pop();
        let mut connection = match unused {
            Some(connection) => connection,
            None => connect_reader(&self.site.path)?,
        };
        let result = work(&mut connection)?; // a connection that failed is not used again
        idle().push(connection);
        Ok(result)
    }

    /// Writes beside the writer, on a connection of its own: SQLite lets one go at a time. For what
    /// happens seldom. Does disk I/O.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.site
            .name_log()
            .map_err(|error| io_failed(&self.site.path, error))?;
        let connected = self.site.connect();
        let written = connected.and_then(|mut connection| work(&mut connection));
        written.map_err(|error| {
            self.site.note(&error);
            sql_failed(&self.site.path, error)
        })
    }

    /// Writes what is queued and closes every handle. Does disk I/O.
    pub(super) fn close(self) {
        let Self {
            site,
            writer,
            readers,
        } = self;
        // A guest would build the log's index from what may not be on the disk, if it came just then.
        let alone = site.has_failed().then(|| site.guests.keep_out());
        drop(readers); // first, so that the writer can fold the log back into the file
        writer.close();
        drop(alone);
    }
}

impl Site {
    /// Tells whether the path still leads to the file that was opened.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        Ok(Identity::at(&self.path)? == Some(self.identity))
    }

    /// Says that something which was written may not be on the disk: whoever comes next closes the database
    /// and opens it again, which writes and syncs its log once more.
    pub(super) fn fail(&self) {
        self.has_failed.store(true, Ordering::Relaxed);
    }

    /// Does so where the failure of a commit or a checkpoint is of that kind, and notes one of the disk.
    pub(super) fn note(&self, error: &rusqlite::Error) {
        if recovery::is_of_disk(error) {
            self.writes.failed(error);
        }
        if recovery::is_due_after(error) {
            self.fail();
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Notes that a commit is on the disk.
    pub(super) fn note_success(&self) {
        self.writes.succeeded();
    }

    /// Makes durable that there is a log, before something is committed to it: SQLite syncs the folder too, but
    /// does not say if that failed.
    pub(super) fn name_log(&self) -> io::Result<()> {
        let named = self.try_to_name_log();
        named.inspect_err(|error| self.writes.failed(error))
    }

    fn try_to_name_log(&self) -> io::Result<()> {
        if self.is_log_named.load(Ordering::Relaxed) {
            return Ok(());
        }
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        self.is_log_named.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Opens one more connection that writes.
    pub(super) fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = connect(&self.path)?;
        prepare_writing(&connection)?;
        Ok(connection)
    }
}

impl Default for LargeCaches {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_CACHES_MIB)))
    }
}

impl LargeCaches {
    /// Gives the connection a large cache for as long as the permit is kept, if there is room for one.
    pub(super) fn take(
        &self,
        connection: &Connection,
    ) -> rusqlite::Result<Option<OwnedSemaphorePermit>> {
        let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        let wanted = pages / PAGES_OF_MIB / CACHED_PART;
        let room = |mib| Arc::clone(&self.0).try_acquire_many_owned(mib).ok();
        let permit = room(wanted.clamp(LARGE_CACHE_MIB, LARGEST_CACHE_MIB))
            .or_else(|| room(LARGE_CACHE_MIB));
        if let Some(permit) = &permit {
            let kib = i64::try_from(permit.num_permits() * 1024).unwrap_or(CACHE_KIB);
            connection.pragma_update(None, "cache_size", -kib)?;
        }
        Ok(permit)
    }

    /// Takes back the large cache that the permit stands for.
    pub(super) fn give_back(
        connection: &Connection,
        permit: OwnedSemaphorePermit,
    ) -> rusqlite::Result<()> {
        limit_memory(connection)?;
        connection.execute_batch("PRAGMA shrink_memory")?;
        drop(permit);
        Ok(())
    }
}

/// Makes an empty database, durably, where none is. Does disk I/O.
pub(super) fn create(folder: &Folder, tenant: &Tenant) -> Result<(), Error> {
    let path = folder.database(&tenant.database_name);
    create_file(&path)?;
    fill(&path, tenant)?;
    sync_file(&path)?;
    folder.sync_tenants()
}

/// One fsync at the end does for a file that nobody is told of before: SQLite need not make any.
fn fill(path: &Path, tenant: &Tenant) -> Result<(), Error> {
    let failed = |error| sql_failed(path, error);
    let mut connection = connect(path).map_err(failed)?;
    connection
        .execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;")
        .map_err(failed)?;
    TENANT.create(&mut connection, path)?;
    identity::write(&connection, tenant).map_err(failed)?;
    use_write_ahead_log(&connection).map_err(failed)?;
    recovery::close_with_checkpoint(connection).map_err(failed)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // Without SQLITE_OPEN_CREATE: a database that is missing stays missing.
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    limit_memory(&connection)?;
    recovery::leave_log_alone(&connection)?;
    Ok(connection)
}

fn connect_reader(path: &Path) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    limit_memory(&connection)?;
    Ok(connection)
}

fn limit_memory(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", -CACHE_KIB)
}

/// `synchronous = FULL`: a commit is on disk when it returns, the last one included.
fn prepare_writing(connection: &Connection) -> rusqlite::Result<()> {
    use_write_ahead_log(connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "journal_size_limit", MAX_LOG_BYTES, |_| Ok(()))
}

fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
}
