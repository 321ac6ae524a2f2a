//! The file of an open database: whether it is in its place, and whether what was written to it is on the disk.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::connect;
use crate::domain::DatabaseName;
use crate::store::Error;
use crate::store::sqlite::disk::{Folder, ServiceLock};
use crate::store::sqlite::wal::ownership::WalOwnership;
use crate::store::sqlite::wal::recovery;
use crate::store::sqlite::wal::usage::LogBytes;
use crate::store::sqlite::{
    disk::access_lock::AccessLock, disk::file_system::Inode, disk::in_use_lock::InUseLock,
};
use crate::write_health::WriteHealth;

/// The file of an open database, shared by its reader, writer and checkpoint threads.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    pub(super) name: DatabaseName,
    pub(super) path: PathBuf,
    inode: Inode,
    /// Every checkpoint goes through this.
    pub(super) ownership: Arc<WalOwnership>,
    pub(super) log: Arc<LogBytes>,
    pub(super) access_lock: AccessLock,
    writes: WriteHealth,
    /// Something that was written may not be on the disk: whoever comes next closes the database and opens it again,
    /// which writes and syncs its log once more.
    has_failed: AtomicBool,
    /// The folder was synced since the log was created in it.
    is_wal_name_durable: AtomicBool,
    _in_use: InUseLock,
    /// Held here, so that no other service opens the folder while this file is open.
    _lock: ServiceLock,
}

impl DatabaseFile {
    /// Takes the locks of a database that was at `path` as `inode`, and that a connection has read from since. The
    /// ownership of a log that was left is the one that it was left with, and its name is durable.
    pub(super) fn open(
        folder: &Folder,
        name: &DatabaseName,
        path: PathBuf,
        inode: Inode,
        log: Arc<LogBytes>,
        left: Option<Arc<WalOwnership>>,
    ) -> Result<Self, Error> {
        Ok(Self {
            name: name.clone(),
            _in_use: folder.in_use.lock(inode, &path)?,
            is_wal_name_durable: AtomicBool::new(left.is_some()),
            ownership: match left {
                Some(ownership) => ownership,
                None => Arc::new(WalOwnership::begin(&path)?),
            },
            log,
            path,
            inode,
            access_lock: folder.access_lock(),
            writes: folder.writes.clone(),
            has_failed: AtomicBool::new(false),
            _lock: folder.lock()?,
        })
    }

    /// Tells whether the path still leads to the file that was opened.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        Ok(Inode::at(&self.path)? == Some(self.inode))
    }

    /// Requires that the database is closed and opened again.
    pub(super) fn fail(&self) {
        self.has_failed.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Notes that a commit or a checkpoint failed.
    pub(super) fn note_failure(&self, error: &rusqlite::Error) {
        if recovery::is_disk_failure(error) {
            self.writes.failed(error);
        }
        if recovery::is_due_after(error) {
            self.fail();
        }
    }

    /// Notes that a commit is on the disk.
    pub(super) fn note_success(&self) {
        self.writes.succeeded();
    }

    /// Makes the name of the log durable before something is committed to it: SQLite syncs the folder too, but
    /// does not say if that failed.
    pub(super) fn sync_wal_name(&self) -> io::Result<()> {
        if self.is_wal_name_durable.load(Ordering::Relaxed) {
            return Ok(());
        }
        let folder = self.path.parent().unwrap_or(&self.path);
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.inspect_err(|error| self.writes.failed(error))?;
        self.is_wal_name_durable.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Opens one more connection that writes.
    pub(super) fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = connect::open(&self.path)?;
        connect::prepare_writing(&connection)?;
        Ok(connection)
    }
}
