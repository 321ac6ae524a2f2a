//! The record of which log belongs to a database in use: its content, its file, and how it is judged.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::store::sqlite::disk::file_names::{wal_index_of, wal_of, wal_owner_of};

/// Records are of one length, so that a write replaces all of the last one.
const RECORD_BYTES: usize = 1024;

/// Changes with every start of the machine.
static BOOT: LazyLock<Option<String>> = LazyLock::new(|| {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
});

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) boot: Option<String>,
    database: FileIdentity,
    wal: FileIdentity,
    content: Content,
    /// The log's salts, which change each time it is restarted; `None` while it is empty.
    salts: Option<[u32; 2]>,
    done: Checkpointed,
}

/// The identity of a file. The number of an inode is used again once its file is gone, the time of creation is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
    /// Nanoseconds since 1970; `None` where the file system does not say.
    created_at: Option<u64>,
}

/// The size and the modification time of a file, which change with its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    size: u64,
    seconds: i64,
    nanoseconds: i64,
}

/// The part of the log that a checkpoint has copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Checkpointed {
    pub(crate) frames: u32,
    /// These are all of them: the next commit restarts the log.
    pub(crate) is_complete: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing speaks against it.
    Own,
    Replaced,
    Changed,
}

impl Record {
    /// Writes the record of a database and its log as they are now.
    pub(super) fn take(
        database: &Path,
        opened: FileIdentity,
        done: Checkpointed,
    ) -> io::Result<()> {
        let wal = wal_of(database);
        let file = fs::metadata(database)?;
        if FileIdentity::of(&file) != opened {
            return Err(io::Error::other("another file is in its place"));
        }
        let record = Self {
            boot: BOOT.clone(),
            database: opened,
            wal: FileIdentity::of(&fs::metadata(&wal)?),
            content: Content::of(&file),
            salts: salts(&wal)?,
            done,
        };
        record.write(&wal_owner_of(database))
    }

    pub(super) fn is_of_this_boot(&self) -> bool {
        self.boot.is_some() && self.boot == *BOOT
    }

    /// Tells whether something was committed to the log.
    pub(super) const fn held_commits(&self) -> bool {
        self.salts.is_some()
    }

    pub(super) fn judge(&self, is_clean: bool, database: &Metadata, wal: &Metadata) -> Verdict {
        let is_this_boot = self.is_of_this_boot();
        if !self.wal.is_certainly(FileIdentity::of(wal), is_this_boot) {
            return Verdict::Own;
        }
        let is_content_same = self.content == Content::of(database);
        if is_clean && is_content_same {
            return Verdict::Own;
        }
        if !self.database.may_be(FileIdentity::of(database)) {
            return Verdict::Replaced;
        }
        if is_clean && is_this_boot && self.database.device == database.dev() {
            return Verdict::Changed;
        }
        Verdict::Own
    }

    /// Tells whether a program that keeps no record may have run a checkpoint: people look into a database
    /// with SQLite's own shell.
    ///
    /// Source: `WalCkptInfo` and `walRestartHdr` (the first salt counts how often the log was restarted) in
    /// SQLite's `wal.c`; "WAL-mode File Format", section 2.1.
    pub(super) fn may_miss_a_checkpoint(&self, database: &Path) -> io::Result<bool> {
        const COPIED_AT: u64 = 96;
        let Some(now) = salts(&wal_of(database))? else {
            return Ok(true);
        };
        let mut copied = [0; 4];
        // Without an index nothing is known.
        let read = File::open(wal_index_of(database))
            .and_then(|index| index.read_exact_at(&mut copied, COPIED_AT));
        let is_copied = |frames| read.is_err() || u32::from_ne_bytes(copied) == frames;
        Ok(match self.salts {
            Some(then) if then == now => !is_copied(self.done.frames),
            // A checkpoint that copied all of it lets it restart: the recorded one, and once, or another one.
            Some(then) => {
                let is_next = now[0] == then[0].wrapping_add(1);
                !(self.done.is_complete && is_next && is_copied(0))
            }
            None => !is_copied(0),
        })
    }

    /// Returns the record, and whether its file was last modified when it says; `None` if there is none.
    pub(super) fn read(path: &Path) -> io::Result<Option<(Self, bool)>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = [0; RECORD_BYTES];
        if file.read_exact_at(&mut bytes, 0).is_err() {
            return Ok(None);
        }
        let Ok(record) = serde_json::from_slice::<Self>(&bytes) else {
            return Ok(None); // half of it was written
        };
        let own = file.metadata()?;
        let modified = (record.content.seconds, record.content.nanoseconds);
        let is_clean = (own.mtime(), own.mtime_nsec()) == modified;
        Ok(Some((record, is_clean)))
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(self)?;
        if bytes.len() > RECORD_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes.resize(RECORD_BYTES, b' '); // JSON may end with spaces
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path)?;
        file.write_all_at(&bytes, 0)?;
        let seconds = u64::try_from(self.content.seconds).unwrap_or_default();
        let nanoseconds = u32::try_from(self.content.nanoseconds).unwrap_or_default();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds))
    }
}

impl FileIdentity {
    pub(super) fn of(file: &Metadata) -> Self {
        let created = file.created().ok();
        let created = created.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        Self {
            device: file.dev(),
            inode: file.ino(),
            created_at: created.and_then(|at| u64::try_from(at.as_nanos()).ok()),
        }
    }

    /// Each start of the machine may give devices other numbers.
    fn is_certainly(self, other: Self, is_this_boot: bool) -> bool {
        match (self.created_at, other.created_at) {
            (Some(one), Some(created_at)) => one == created_at && self.inode == other.inode,
            _ => is_this_boot && (self.device, self.inode) == (other.device, other.inode),
        }
    }

    fn may_be(self, other: Self) -> bool {
        let created = self.created_at.zip(other.created_at);
        self.inode == other.inode && created.is_none_or(|(one, other)| one == other)
    }
}

impl Content {
    fn of(file: &Metadata) -> Self {
        Self {
            size: file.size(),
            seconds: file.mtime(),
            nanoseconds: file.mtime_nsec(),
        }
    }
}

/// Reads the salts in the header of a log, which SQLite takes no lock on.
fn salts(wal: &Path) -> io::Result<Option<[u32; 2]>> {
    const SALTS_AT: u64 = 16;
    let mut bytes = [0; 8];
    match File::open(wal)?.read_exact_at(&mut bytes, SALTS_AT) {
        Ok(()) => {
            let (words, _) = bytes.as_chunks::<4>();
            Ok(Some([0, 1].map(|at| u32::from_be_bytes(words[at]))))
        }
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}
