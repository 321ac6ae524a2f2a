//! What is written down of a database in use, and how it is read.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::store::sqlite::names::{index_of, log_of, record_of};

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
    pub(super) database: FileId,
    pub(super) log: FileId,
    pub(super) content: Content,
    pub(super) progress: Progress,
}

/// Which file it is. An inode's number is used again once a file is gone, the time of its making is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
    /// Nanoseconds since 1970; not every file system knows.
    made_at: Option<u64>,
}

/// What a file's content is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    size: u64,
    seconds: i64,
    nanoseconds: i64,
}

/// How far the log has been copied into the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The log's salts, which are others each time it starts over; `None` while it is empty.
    salts: Option<[u32; 2]>,
    copied: Copied,
}

/// What a checkpoint has copied of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::store::sqlite) struct Copied {
    /// The frames of the log that are in the database.
    pub(in crate::store::sqlite) frames: u32,
    /// Whether these are all of them: the next commit starts the log over.
    pub(in crate::store::sqlite) is_all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing speaks against it.
    Own,
    Replaced,
    Changed,
}

impl Record {
    /// Writes down how the database and its log are now.
    pub(super) fn take(database: &Path, opened: FileId, copied: Copied) -> io::Result<()> {
        let log = log_of(database);
        let file = fs::metadata(database)?;
        if FileId::of(&file) != opened {
            return Err(io::Error::other("another file is in its place"));
        }
        let record = Self {
            boot: BOOT.clone(),
            database: opened,
            log: FileId::of(&fs::metadata(&log)?),
            content: Content::of(&file),
            progress: Progress {
                salts: salts(&log)?,
                copied,
            },
        };
        record.write(&record_of(database))
    }

    pub(super) fn judge(&self, is_settled: bool, database: &Metadata, log: &Metadata) -> Verdict {
        let is_this_boot = self.boot.is_some() && self.boot == *BOOT;
        if !self.log.is_surely(FileId::of(log), is_this_boot) {
            return Verdict::Own;
        }
        let is_content_same = self.content == Content::of(database);
        if is_settled && is_content_same {
            return Verdict::Own;
        }
        if !self.database.may_be(FileId::of(database)) {
            return Verdict::Replaced;
        }
        if is_settled && is_this_boot && self.database.device == database.dev() {
            return Verdict::Changed;
        }
        Verdict::Own
    }

    /// Returns the record, and whether its file was last changed when it says; `None` if there is none.
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
        let Content {
            size: _,
            seconds,
            nanoseconds,
        } = record.content;
        let own = file.metadata()?;
        let is_settled = (own.mtime(), own.mtime_nsec()) == (seconds, nanoseconds);
        Ok(Some((record, is_settled)))
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(self)?;
        if bytes.len() > RECORD_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes.resize(RECORD_BYTES, b' '); // JSON goes on with spaces
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path)?;
        file.write_all_at(&bytes, 0)?;
        let seconds = u64::try_from(self.content.seconds).unwrap_or_default();
        let nanoseconds = u32::try_from(self.content.nanoseconds).unwrap_or_default();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds))
    }
}

impl FileId {
    pub(super) fn of(file: &Metadata) -> Self {
        let made = file.created().ok();
        let made = made.and_then(|made| made.duration_since(SystemTime::UNIX_EPOCH).ok());
        Self {
            device: file.dev(),
            inode: file.ino(),
            made_at: made.and_then(|made| u64::try_from(made.as_nanos()).ok()),
        }
    }

    /// Devices are numbered anew by each start of the machine.
    fn is_surely(self, other: Self, is_this_boot: bool) -> bool {
        match (self.made_at, other.made_at) {
            (Some(one), Some(other_made)) => one == other_made && self.inode == other.inode,
            _ => is_this_boot && (self.device, self.inode) == (other.device, other.inode),
        }
    }

    fn may_be(self, other: Self) -> bool {
        let is_made_same = match (self.made_at, other.made_at) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        is_made_same && self.inode == other.inode
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

impl Progress {
    /// Tells whether a program that keeps no record may have made a checkpoint: people look into a database
    /// with SQLite's own shell.
    ///
    /// Source: `WalCkptInfo` and `walRestartHdr` (the first salt counts how often the log has started over) in
    /// SQLite's `wal.c`; "WAL-mode File Format", section 2.1.
    pub(super) fn may_be_anothers(&self, database: &Path) -> io::Result<bool> {
        const COPIED_AT: u64 = 96;
        let Some(now) = salts(&log_of(database))? else {
            return Ok(true);
        };
        let mut copied = [0; 4];
        // Nobody says anything where there is no index.
        let read = File::open(index_of(database))
            .and_then(|index| index.read_exact_at(&mut copied, COPIED_AT));
        let is_copied = |frames| read.is_err() || u32::from_ne_bytes(copied) == frames;
        Ok(match self.salts {
            Some(then) if then == now => !is_copied(self.copied.frames),
            // It starts over after a checkpoint that copied all of it: after ours, and once, or another one.
            Some(then) => {
                let is_next = now[0] == then[0].wrapping_add(1);
                !(self.copied.is_all && is_next && is_copied(0))
            }
            None => !is_copied(0),
        })
    }
}

/// Reads the salts in the header of a log, which SQLite takes no lock on.
fn salts(log: &Path) -> io::Result<Option<[u32; 2]>> {
    const SALTS_AT: u64 = 16;
    let mut bytes = [0; 8];
    match File::open(log)?.read_exact_at(&mut bytes, SALTS_AT) {
        Ok(()) => {
            let (words, _) = bytes.as_chunks::<4>();
            Ok(Some([0, 1].map(|at| u32::from_be_bytes(words[at]))))
        }
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}
