//! Tells other processes which databases the service has open: they must not recover the logs of these.
//!
//! Each open database is a locked byte of one file, at the number of the database file's inode. A file for each lock would
//! be one descriptor more for each of a thousand open databases.
//!
//! The locks are open file description locks: unlike POSIX locks, they do not go when this process closes another
//! descriptor of the file, and two stores in one process do not share them. Source: fcntl(2).

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::error_mapping::{io_failed, refused};
use super::file_system::{Inode, open_lock_file};
use super::layout::Layout;
use crate::store::{Error, closed};

/// The locks of a service's open databases.
#[derive(Debug, Clone)]
pub(crate) struct InUseLocks(Arc<Mutex<Locks>>);

#[derive(Debug)]
struct Locks {
    /// `None` once closed, and when the last lock is gone.
    file: Option<File>,
    /// The holders of each byte: the kernel does not count them.
    held: HashMap<i64, usize>,
    is_closed: bool,
}

/// While this lives, the service has a database open.
#[derive(Debug)]
pub(crate) struct InUseLock {
    locks: InUseLocks,
    byte: i64,
}

impl InUseLocks {
    /// Opens the file of the locks, and creates it where it is missing.
    pub(super) fn open(layout: &Layout) -> Result<Self, Error> {
        let locks = Locks {
            file: Some(open_lock_file(&layout.in_use_lock())?),
            held: HashMap::new(),
            is_closed: false,
        };
        Ok(Self(Arc::new(Mutex::new(locks))))
    }

    /// Locks a database at `path` that a connection has read from.
    pub(crate) fn lock(&self, inode: Inode, path: &Path) -> Result<InUseLock, Error> {
        let byte = byte_of(inode);
        let mut locks = self.locks();
        let file = locks.file.as_ref().ok_or_else(closed)?;
        if !locks.held.contains_key(&byte) {
            let locked = set(file, libc::F_WRLCK, byte);
            locked.map_err(|error| io_failed(path, error))?;
        }
        *locks.held.entry(byte).or_default() += 1;
        drop(locks);
        Ok(InUseLock {
            locks: self.clone(),
            byte,
        })
    }

    /// Closes the file once no database is open any more.
    pub(super) fn close(&self) {
        let mut locks = self.locks();
        locks.is_closed = true;
        locks.close_if_unused();
    }

    fn locks(&self) -> MutexGuard<'_, Locks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Locks {
    fn release(&mut self, byte: i64) {
        let Some(count) = self.held.get_mut(&byte) else {
            return;
        };
        *count -= 1;
        if *count > 0 {
            return;
        }
        self.held.remove(&byte);
        if let Some(file) = &self.file {
            // If it stays, other processes only take the database for open until this one ends.
            let _ = set(file, libc::F_UNLCK, byte);
        }
        self.close_if_unused();
    }

    fn close_if_unused(&mut self) {
        if self.is_closed && self.held.is_empty() {
            self.file = None;
        }
    }
}

impl Drop for InUseLock {
    fn drop(&mut self) {
        self.locks.locks().release(self.byte);
    }
}

/// Tells whether a service has the database at `path` open.
pub(crate) fn is_in_use(layout: &Layout, path: &Path) -> Result<bool, Error> {
    let failed = |error| io_failed(path, error);
    let Some(inode) = Inode::at(path).map_err(failed)? else {
        return Ok(false);
    };
    let locks = layout.in_use_lock();
    let file = File::open(&locks).map_err(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            return io_failed(&locks, error);
        }
        let folder = layout.path().display();
        refused(format!(
            "the folder '{folder}' was never opened by a service of this version"
        ))
    })?;
    let mut found = byte_lock(libc::F_WRLCK, byte_of(inode));
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut found)).map_err(|error| failed(error.into()))?;
    Ok(i32::from(found.l_type) != libc::F_UNLCK)
}

fn set(file: &File, kind: i32, byte: i64) -> io::Result<()> {
    fcntl(file, FcntlArg::F_OFD_SETLK(&byte_lock(kind, byte)))?;
    Ok(())
}

fn byte_lock(kind: i32, byte: i64) -> libc::flock {
    libc::flock {
        l_type: i16::try_from(kind).unwrap_or_default(), // the constants are of another type than the field
        l_whence: i16::try_from(libc::SEEK_SET).unwrap_or_default(),
        l_start: byte,
        l_len: 1,
        l_pid: 0,
    }
}

/// Returns the byte of a database file. Offsets are signed, and the byte has to end before the last of them.
fn byte_of(inode: Inode) -> i64 {
    byte_at(inode.number())
}

fn byte_at(inode: u64) -> i64 {
    i64::try_from(inode % i64::MAX as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Inode, byte_at, is_in_use};
    use crate::store::sqlite::disk::Folder;

    #[test]
    fn files_that_were_created_one_after_the_other_have_bytes_of_their_own() {
        for inode in [0, 1, 12_345_678, u64::from(u32::MAX)] {
            assert_ne!(byte_at(inode), byte_at(inode + 1), "{inode}");
        }
        assert!(byte_at(u64::MAX) < i64::MAX);
    }

    #[test]
    fn a_database_is_in_use_until_its_last_lock_is_dropped() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path()).unwrap();
        let paths = ["a.db", "b.db"].map(|name| folder.layout.tenants().join(name));
        let [one, other] = paths.map(|path| {
            fs::write(&path, "").unwrap();
            (Inode::at(&path).unwrap().unwrap(), path)
        });
        let is_used = |path| is_in_use(&folder.layout, path).unwrap();
        assert!(!is_used(&one.1));
        let first = folder.in_use.lock(one.0, &one.1).unwrap();
        let second = folder.in_use.lock(one.0, &one.1).unwrap();
        assert!(is_used(&one.1) && !is_used(&other.1));
        drop(first);
        assert!(is_used(&one.1), "one of two is left");
        drop(second);
        assert!(!is_used(&one.1));
        fs::remove_file(&one.1).unwrap();
        assert!(!is_used(&one.1), "there is no such database");
    }
}
