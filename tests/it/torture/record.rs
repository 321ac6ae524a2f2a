//! The record of what a server writes below its data folder and syncs there, by a library preloaded into it
//! (`shim/record_writes.c`).

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{Builder, compile_shim};

/// A `struct entry` of the library.
const ENTRY_BYTES: usize = 4 * 4 + 3 * 8;

/// How long a record has to stay as it is for its server to count as frozen, while no call of the server's
/// waits in the library.
const STILL: Duration = Duration::from_millis(200);

/// Records the runs of a server, one after the other, on one folder.
#[derive(Debug)]
pub(super) struct Recorder {
    root: PathBuf,
    shim: PathBuf,
    folder: TempDir,
    /// How long the records of the runs that have ended are, together.
    ended_bytes: Cell<u64>,
    runs: Cell<usize>,
}

/// What the kernel was asked to do, and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    Create {
        path: String,
        inode: u64,
        folder: u64,
    },
    Write {
        inode: u64,
        offset: u64,
        bytes: Vec<u8>,
    },
    Resize {
        inode: u64,
        size: u64,
    },
    Rename(Names),
    Link(Names),
    Unlink {
        path: String,
        folder: u64,
    },
    MakeFolder {
        path: String,
        inode: u64,
        folder: u64,
    },
    RemoveFolder {
        path: String,
        folder: u64,
    },
    SyncBegin {
        inode: u64,
        number: u64,
    },
    SyncEnd {
        inode: u64,
        number: u64,
        failed: bool,
    },
    /// A call was held back, and then the process was killed.
    Frozen,
}

/// Two paths relative to the root, and the inodes of the folders that they are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) from_folder: u64,
    pub(super) to_folder: u64,
}

/// A call, and the length of the record with it: what has happened by a certain length of the record has a
/// place among the calls.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) call: Call,
    pub(super) end: u64,
}

impl Recorder {
    /// Prepares to record what happens below `root`, an existing folder.
    pub(super) fn new(root: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self {
            root: fs::canonicalize(root).expect("the folder is there"),
            shim: compile_shim("record_writes"),
            folder,
            ended_bytes: Cell::new(0),
            runs: Cell::new(0),
        }
    }

    /// Returns a server's builder whose next run is recorded. To be called after what else it preloads:
    /// what that makes of a call is what is recorded.
    pub(super) fn records(&self, builder: Builder) -> Builder {
        builder
            .preload(&self.shim)
            .env("RECORD_ROOT", text(&self.root))
            .env("RECORD_LOG", text(&self.log(self.runs.get())))
            .env("RECORD_FREEZE", text(&self.freeze()))
    }

    /// Has the next run of a command recorded, as [`Self::records`] does.
    pub(super) fn records_command(&self, command: &mut Command) {
        const NAME: &str = "LD_PRELOAD";
        let others = command.get_envs().find(|(name, _)| *name == NAME);
        let others = others.and_then(|(_, value)| value?.to_str());
        let preloaded = format!("{} {}", text(&self.shim), others.unwrap_or_default());
        command
            .env(NAME, preloaded)
            .env("RECORD_ROOT", &self.root)
            .env("RECORD_LOG", self.log(self.runs.get()))
            .env("RECORD_FREEZE", self.freeze());
    }

    /// Returns how long the record is. What was seen before this call happened before whatever comes behind
    /// that length.
    pub(super) fn position(&self) -> u64 {
        let log = fs::metadata(self.log(self.runs.get()));
        self.ended_bytes.get() + log.map_or(0, |log| log.len())
    }

    /// Kills a process between two calls, by `kill`, so that the record has all that it did.
    pub(super) fn end_run(&self, kill: impl FnOnce()) {
        let freeze = self.freeze();
        fs::write(&freeze, "").expect("a file in our folder");
        let mut length = u64::MAX;
        let is_frozen = || {
            let entries = self.run(self.runs.get(), 0);
            entries.last().is_some_and(|it| it.call == Call::Frozen)
        };
        while length != self.position() && !is_frozen() {
            length = self.position();
            thread::sleep(STILL);
        }
        kill();
        fs::remove_file(&freeze).expect("the file just made");
        self.ended_bytes.set(self.position());
        self.runs.set(self.runs.get() + 1);
    }

    /// Returns everything recorded so far.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for run in 0..=self.runs.get() {
            let begin = entries.last().map_or(0, |it| it.end);
            entries.extend(self.run(run, begin));
        }
        entries
    }

    fn run(&self, run: usize, begin: u64) -> Vec<Entry> {
        let Ok(log) = fs::read(self.log(run)) else {
            return Vec::new(); // no run has begun since the last kill
        };
        let mut entries = Vec::new();
        let mut at = 0;
        while let Some((call, length)) = parse(&log[at..]) {
            at += length;
            let end = begin + at as u64;
            entries.push(Entry { call, end });
        }
        entries
    }

    fn log(&self, run: usize) -> PathBuf {
        self.folder.path().join(format!("record.{run}"))
    }

    fn freeze(&self) -> PathBuf {
        self.folder.path().join("freeze")
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path of UTF-8").to_owned()
}

/// Returns the first call and how many bytes it takes; `None` where there is none, or not all of one.
fn parse(log: &[u8]) -> Option<(Call, usize)> {
    let (head, rest) = log.split_at_checked(ENTRY_BYTES)?;
    let small = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().expect("4 bytes"));
    let large = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().expect("8 bytes"));
    let [kind, failed, first, second] = [0, 4, 8, 12].map(small);
    let [inode, folder, other] = [16, 24, 32].map(large);
    let (first, rest) = rest.split_at_checked(first as usize)?;
    let (second, _) = rest.split_at_checked(second as usize)?;
    let path = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a path of UTF-8");
    let names = || Names {
        from: path(first),
        to: path(second),
        from_folder: folder,
        to_folder: other,
    };
    let call = match kind {
        1 => Call::Create {
            path: path(first),
            inode,
            folder,
        },
        2 => Call::Write {
            inode,
            offset: other,
            bytes: first.to_vec(),
        },
        3 => Call::Resize { inode, size: other },
        4 => Call::Rename(names()),
        5 => Call::Link(names()),
        6 => Call::Unlink {
            path: path(first),
            folder,
        },
        7 => Call::MakeFolder {
            path: path(first),
            inode,
            folder,
        },
        8 => Call::RemoveFolder {
            path: path(first),
            folder,
        },
        9 => Call::SyncBegin {
            inode,
            number: other,
        },
        10 => Call::SyncEnd {
            inode,
            number: other,
            failed: failed != 0,
        },
        11 => Call::Frozen,
        kind => panic!("{kind} is no kind of call"),
    };
    Some((call, ENTRY_BYTES + first.len() + second.len()))
}
