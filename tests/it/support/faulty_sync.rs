//! A disk whose syncs fail or hang on demand, for a server that is started with it: `tests/it/shim/faulty_sync.c`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::{Builder, compile_shim};

/// What a server's syncs do, and what became of its writes.
#[derive(Debug)]
pub(crate) struct FaultySync {
    folder: TempDir,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    Write {
        path: String,
        offset: u64,
        length: u64,
    },
    Truncate {
        path: String,
        length: u64,
    },
    Sync {
        path: String,
    },
    /// A sync that failed: what was written before counts as clean, and is not on the disk.
    Lost {
        path: String,
    },
}

impl FaultySync {
    /// Syncs work until they are told otherwise.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let faults = Self { folder };
        faults.recover();
        faults
    }

    /// Returns a server's builder that will be subject to the faults.
    pub(crate) fn befalls(&self, builder: Builder) -> Builder {
        let text = |path: PathBuf| path.to_str().expect("a path of text").to_owned();
        builder
            .preload(library())
            .env("FAULTY_SYNC_CONTROL", text(self.control()))
            .env("FAULTY_SYNC_LOG", text(self.log()))
    }

    /// Makes a command subject to the faults.
    pub(crate) fn befalls_command(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", library())
            .env("FAULTY_SYNC_CONTROL", self.control())
            .env("FAULTY_SYNC_LOG", self.log());
    }

    /// Lets every sync fail of a file or folder whose path contains `part`; an empty one stands for all.
    pub(crate) fn fail(&self, part: &str) {
        self.set(&format!("fail {part}\n"));
    }

    /// Lets every sync fail of a file or folder whose path ends with `part`.
    pub(crate) fn fail_at_end(&self, part: &str) {
        self.set(&format!("fail_at_end {part}\n"));
    }

    /// Lets the first syncs of such files work, and all others fail.
    pub(crate) fn fail_after(&self, syncs: u32, part: &str) {
        self.set(&format!("fail_after {syncs} {part}\n"));
    }

    /// Lets no file be removed whose path contains `part`.
    pub(crate) fn keep(&self, part: &str) {
        self.set(&format!("keep {part}\n"));
    }

    /// Leaves no room for a write to such a file.
    pub(crate) fn fill(&self, part: &str) {
        self.set(&format!("full {part}\n"));
    }

    /// Lets every sync of such a file take so long.
    pub(crate) fn delay(&self, milliseconds: u32, part: &str) {
        self.set(&format!("delay_ms {milliseconds} {part}\n"));
    }

    /// Lets syncs work again.
    pub(crate) fn recover(&self) {
        self.set("");
    }

    /// Returns what was written and synced so far, in order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        text.lines().map(Call::parse).collect()
    }

    fn set(&self, directives: &str) {
        // Renamed into place: the server may read at any time.
        let new = self.folder.path().join("new");
        std::fs::write(&new, directives).expect("a file of directives");
        std::fs::rename(&new, self.control()).expect("its place");
    }

    fn control(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Call {
    fn parse(line: &str) -> Self {
        let (kind, rest) = line.split_once(' ').expect("a kind of call");
        let number = |text: &str| text.parse().expect("a number");
        match kind {
            "write" => {
                let mut parts = rest.splitn(3, ' ');
                let mut part = || parts.next().expect("three parts");
                Self::Write {
                    offset: number(part()),
                    length: number(part()),
                    path: part().to_owned(),
                }
            }
            "truncate" => {
                let (length, path) = rest.split_once(' ').expect("two parts");
                Self::Truncate {
                    length: number(length),
                    path: path.to_owned(),
                }
            }
            "sync" => Self::Sync {
                path: rest.to_owned(),
            },
            "lost" => Self::Lost {
                path: rest.to_owned(),
            },
            _ => panic!("'{line}' is no line of the log"),
        }
    }
}

/// Returns the shared library, which is made once for a test.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| compile_shim("faulty_sync"))
}
