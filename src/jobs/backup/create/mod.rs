//! Makes a backup.
//!
//! `databases` and `files` read the data folder. `chunk_writer` stores what they read, `previous` knows what the last backup
//! stored, `file_stamp` tells what has changed since, and `scratch` is where databases are copied to first.

mod chunk_writer;
mod databases;
mod file_stamp;
mod files;
mod previous;
mod scratch;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use self::chunk_writer::{ChunkWriter, StoredFile};
use self::previous::Previous;
use self::scratch::Scratch;
use super::format::{Content, Entry, FORMAT, Kind, Manifest, Owner, Started, Totals};
use super::listing::ListingWriter;
use super::target::Target;
use super::{Error, blocking};
use crate::domain::{Clock, Entropy};
use crate::jobs::{Phase, Progress};
use crate::store::{self, LastBackup, Snapshots};

/// The databases, or objects, that are backed up at once.
const CONCURRENT: usize = 4;

#[derive(Debug)]
pub struct Job {
    /// The data folder, which a service may be using.
    pub data: PathBuf,
    /// The folder of the embedded storage; `None`: the files are elsewhere, and not backed up.
    pub files: Option<PathBuf>,
    /// Where databases are copied to first; needs room for a few.
    pub scratch: PathBuf,
    pub target: Target,
    /// Read and store everything, whatever the target has.
    pub is_full: bool,
    /// The version of the program.
    pub program: String,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    pub name: String,
    pub databases: u64,
    pub files: u64,
    pub bytes: u64,
    /// Databases and files that have not changed since the last backup.
    pub unchanged: u64,
    /// The bytes that were sent to the target.
    pub stored_bytes: u64,
    /// What is not in the backup and should be, in one line each.
    pub problems: Vec<String>,
}

/// Backs up everything. What was acknowledged before this is called is in the backup. If this ends early, the backup stays
/// unfinished, and the next one uses what it stored.
pub async fn create(job: &Job, progress: &Progress) -> Result<Created, Error> {
    let snapshots = {
        let data = job.data.clone();
        on_store("open the databases", move || Snapshots::open(&data)).await?
    };
    let started_at = job.clock.now();
    let scratch = job.scratch.clone();
    let scratch = blocking(move || Scratch::create(&scratch)).await?;
    let of_store = snapshots.clone();
    let store = on_store("read the id of the database", move || of_store.id()).await?;
    job.target.claim(store).await?;
    let mut random = [0; 4];
    job.entropy.fill(&mut random);
    let name = name(started_at, random);
    let started = Started {
        name,
        store,
        at: started_at,
    };
    job.target.begin(&started).await?;
    let previous = if job.is_full {
        Previous::default()
    } else {
        Previous::of(&job.target).await?
    };
    let mut creation = Creation {
        job,
        progress,
        writer: ChunkWriter::new(job.target.clone(), job.is_full),
        snapshots,
        scratch,
        totals: Totals::default(),
        unchanged: 0,
        problems: Vec::new(),
    };
    creation.run(started, previous).await
}

/// Returns the name of a backup: later ones are greater, also in the same second.
fn name(started_at: Timestamp, random: [u8; 4]) -> String {
    let time = started_at.strftime("%Y%m%dT%H%M%S.%6fZ");
    format!("{time}-{}", hex::encode(random))
}

struct Creation<'a> {
    job: &'a Job,
    progress: &'a Progress,
    writer: ChunkWriter,
    snapshots: Snapshots,
    scratch: Scratch,
    totals: Totals,
    unchanged: u64,
    problems: Vec<String>,
}

/// A database or a file as it is in the backup.
struct BackedUp {
    entry: Entry,
    is_unchanged: bool,
}

impl Creation<'_> {
    /// An event references files that exist already, so files come after the databases. The registry is as old as the
    /// beginning: of what it says to exist, everything is there.
    async fn run(&mut self, started: Started, mut previous: Previous) -> Result<Created, Error> {
        let registry = self.scratch.file("registry.db");
        let (snapshots, copy) = (self.snapshots.clone(), registry.clone());
        let tenants = on_store("copy the registry", move || snapshots.copy_registry(&copy)).await?;
        self.progress.begin(Phase::BackingUp, tenants.len(), 0);
        let databases = self.databases(&tenants, &previous).await?;
        let files = match &self.job.files {
            Some(folder) => Some(self.files(folder, &mut previous).await?),
            None => None,
        };
        let databases = self.without_deleted(databases, &tenants, &registry).await?;
        let databases = self.list_databases(databases, &registry, &previous).await?;
        let manifest = Manifest {
            format: FORMAT,
            name: started.name,
            store: started.store,
            program: self.job.program.clone(),
            started_at: started.at,
            finished_at: self.job.clock.now(),
            databases,
            files,
            totals: self.totals,
            problems: std::mem::take(&mut self.problems),
        };
        self.job.target.complete(&manifest).await?;
        let last = LastBackup {
            name: manifest.name.clone(),
            started_at: manifest.started_at,
            finished_at: manifest.finished_at,
        };
        let data = self.job.data.clone();
        let noted = blocking(move || {
            let noted = last.note(&data);
            noted.map_err(|error| Error::file("note the backup in", &data, error))
        });
        noted.await?;
        Ok(Created {
            name: manifest.name,
            databases: manifest.totals.databases,
            files: manifest.totals.files,
            bytes: manifest.totals.bytes,
            unchanged: self.unchanged,
            stored_bytes: self.writer.stored_bytes(),
            problems: manifest.problems,
        })
    }

    async fn store_listing(&self, listing: ListingWriter) -> Result<Content, Error> {
        let path = listing.finish()?;
        let stored = self.writer.store(&path, Kind::File, &[]).await?;
        Ok(stored.content)
    }
}

fn entry(path: String, stored: StoredFile, tenant: Option<Owner>, stamp: Option<String>) -> Entry {
    let StoredFile { content, mode } = stored;
    Entry {
        path,
        mode,
        tenant,
        stamp,
        content,
    }
}

/// Runs a call to the store. `what` completes "cannot …".
async fn on_store<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> Result<T, store::Error> + Send + 'static,
) -> Result<T, Error> {
    let what = what.to_owned();
    blocking(move || work().map_err(|source| Error::Store { what, source })).await
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::name;

    #[test]
    fn a_later_backup_has_a_greater_name() {
        let at = |microsecond| Timestamp::from_microsecond(microsecond).unwrap();
        let first = name(at(1_795_829_782_000_004), [0x9a, 0x48, 0x57, 0xea]);
        assert_eq!(first, "20261128T013622.000004Z-9a4857ea");
        assert!(name(at(1_795_829_782_000_050), [0; 4]) > first);
        assert!(name(at(1_795_829_783_000_000), [0; 4]) > first);
    }
}
