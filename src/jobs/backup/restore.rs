//! Writes a backup into a new data folder.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::format::{ChunkId, Content, Entry, Manifest, Started};
use super::listing::ListingReader;
use super::target::Target;
use super::{Error, blocking};
use crate::durable_file;
use crate::jobs::{Phase, Progress};
use crate::store::{self, UNFINISHED_RESTORE};

/// The chunks of a file that are read at once, and the files that are written at once.
const CONCURRENT_CHUNKS: usize = 4;
const CONCURRENT_FILES: usize = 4;

/// The entries that are written before the next ones are read.
const BATCH: usize = 64;

#[derive(Debug)]
pub struct RestoreJob {
    pub target: Target,
    /// The backup of this name; `None`: the newest complete one.
    pub backup: Option<String>,
    /// The data folder to make: it must be missing or empty, or hold an unfinished restore of the same backup.
    pub data: PathBuf,
}

/// A data folder that was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    pub name: String,
    /// Everything acknowledged before was restored, in RFC 3339.
    pub as_of: String,
    pub databases: u64,
    pub files: u64,
    pub bytes: u64,
    /// What is missing, because it was not in the backup, in one line each.
    pub problems: Vec<String>,
}

/// Restores a backup. Until this is done, the folder holds a file that says so, and no service starts on it; running this
/// again continues.
pub async fn restore(job: &RestoreJob, progress: &Progress) -> Result<Restored, Error> {
    let name = job.target.select(job.backup.as_deref()).await?;
    let manifest = job.target.manifest(&name).await?;
    let restore = Restore {
        job,
        progress,
        folders: Mutex::default(),
    };
    restore.begin(&manifest).await?;
    progress.begin(
        Phase::Restoring,
        0,
        manifest.totals.databases + manifest.totals.files,
    );
    let databases = restore.entries(&manifest.databases).await?;
    let files = match &manifest.files {
        Some(files) => restore.entries(files).await?,
        None => 0,
    };
    if (databases, files) != (manifest.totals.databases, manifest.totals.files) {
        return Err(Error::Damaged(format!(
            "backup '{name}' is damaged: its listings are incomplete"
        )));
    }
    let problems = restore.finish(&manifest).await?;
    Ok(Restored {
        name,
        as_of: manifest.started_at.to_string(),
        databases,
        files,
        bytes: manifest.totals.bytes,
        problems,
    })
}

struct Restore<'a> {
    job: &'a RestoreJob,
    progress: &'a Progress,
    /// Folders with names that are not durable yet.
    folders: Mutex<BTreeSet<PathBuf>>,
}

impl Restore<'_> {
    /// Creates the folder, with the file that says that the restore is unfinished.
    async fn begin(&self, manifest: &Manifest) -> Result<(), Error> {
        let data = self.job.data.clone();
        let started = Started {
            name: manifest.name.clone(),
            store: manifest.store,
            at: manifest.started_at,
        };
        blocking(move || {
            let failed = |error| Error::file("create", &data, error);
            if data.exists() && !data.is_dir() {
                let data = data.display();
                return Err(Error::Refused(format!(
                    "'{data}' is not a folder, and a restore overwrites nothing"
                )));
            }
            let marker = data.join(UNFINISHED_RESTORE);
            let read = durable_file::read_json::<Started>(&marker);
            match read.map_err(|error| Error::file("read", &marker, error))? {
                Some(found) if found == started => return Ok(()),
                Some(found) => {
                    return Err(Error::Refused(format!(
                        "'{}' holds an unfinished restore of backup '{}': finish that one, or remove the folder",
                        data.display(),
                        found.name
                    )));
                }
                None => {}
            }
            if is_occupied(&data).map_err(failed)? {
                return Err(Error::Refused(format!(
                    "'{}' is not empty, and a restore overwrites nothing: name a new folder, or move what is there away",
                    data.display()
                )));
            }
            durable_file::create_folder(&data).map_err(failed)?;
            let created = durable_file::write_json(&marker, &started);
            created.map_err(|error| Error::file("create", &marker, error))
        })
        .await
    }

    /// Writes what a listing names, and returns how many files that is.
    async fn entries(&self, listing: &Content) -> Result<u64, Error> {
        let mut listing = ListingReader::new(&self.job.target, listing);
        let mut count = 0;
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            while batch.len() < BATCH
                && let Some(entry) = listing.next().await?
            {
                batch.push(entry);
            }
            if batch.is_empty() {
                return Ok(count);
            }
            count += batch.len() as u64;
            stream::iter(&batch)
                .map(|entry| self.entry(entry))
                .buffer_unordered(CONCURRENT_FILES)
                .try_collect::<()>()
                .await?;
        }
    }

    async fn entry(&self, entry: &Entry) -> Result<(), Error> {
        self.write(entry).await.map_err(|error| match error {
            Error::Damaged(problem) => Error::Damaged(format!("{}: {problem}", entry.describe())),
            error => error,
        })?;
        self.progress.advance(1);
        Ok(())
    }

    async fn write(&self, entry: &Entry) -> Result<(), Error> {
        let path = self.job.data.join(&entry.path);
        let (found, content) = (path.clone(), entry.content.clone());
        let mode = entry.mode;
        // Of an earlier attempt.
        if blocking(move || Ok(is_complete(&found, &content, mode))).await? {
            self.note_folders(&path);
            return Ok(());
        }
        let creating = path.clone();
        let file = blocking(move || create(&creating)).await?;
        self.note_folders(&path);
        let writing = stream::iter(entry.content.parts())
            .map(|(id, offset, bytes)| async move {
                Ok::<_, Error>((offset, self.job.target.chunk(id, bytes).await?))
            })
            .buffered(CONCURRENT_CHUNKS);
        let file = writing
            .try_fold(file, |file, (offset, chunk)| {
                let path = path.clone();
                blocking(move || {
                    let written = file.write_all_at(&chunk, offset);
                    written.map_err(|error| Error::file("write", &path, error))?;
                    Ok(file)
                })
            })
            .await?;
        blocking(move || {
            let ended = file
                .set_permissions(Permissions::from_mode(mode))
                .and_then(|()| file.sync_all());
            ended.map_err(|error| Error::file("write", &path, error))
        })
        .await
    }

    fn note_folders(&self, path: &Path) {
        let mut folders = self
            .folders
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for folder in path.ancestors().skip(1) {
            if !folders.insert(folder.to_owned()) || folder == self.job.data {
                break;
            }
        }
    }

    /// Makes everything durable, checks that each database is its tenant's, and then removes the file that says that the
    /// restore is unfinished. Returns what is missing.
    async fn finish(&self, manifest: &Manifest) -> Result<Vec<String>, Error> {
        let folders = self.folders.lock().map(|it| it.clone()).unwrap_or_default();
        let (data, mut problems) = (self.job.data.clone(), manifest.problems.clone());
        blocking(move || {
            // A folder that is empty is in no backup.
            let tenants = data.join("tenants");
            durable_file::create_folder(&tenants)
                .map_err(|error| Error::file("create", &tenants, error))?;
            for folder in folders {
                let synced = File::open(&folder).and_then(|it| it.sync_all());
                synced.map_err(|error| Error::file("sync", &folder, error))?;
            }
            let found = store::check_restored(&data).map_err(|source| Error::Store {
                what: "check the restored databases".to_owned(),
                source,
            })?;
            if problems.is_empty() && !found.is_empty() {
                return Err(Error::Damaged(format!(
                    "the restored databases do not belong together: {}",
                    found.join("; ")
                )));
            }
            problems.extend(found);
            let marker = data.join(UNFINISHED_RESTORE);
            let removed =
                durable_file::remove(&marker).and_then(|()| durable_file::sync_folder_of(&marker));
            removed.map_err(|error| Error::file("remove", &marker, error))?;
            Ok(problems)
        })
        .await
    }
}

/// Tells whether there is something else than an empty folder, or one in which the file that says that a restore is
/// unfinished was about to be created.
fn is_occupied(path: &Path) -> io::Result<bool> {
    let is_temporary =
        |entry: fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".tmp");
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.any(|entry| !entry.is_ok_and(is_temporary))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Creates an empty file, in place of one that an earlier attempt left.
fn create(path: &Path) -> Result<File, Error> {
    let folder = path.parent().unwrap_or(path);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| Error::file("create", folder, error))?;
    durable_file::remove(path).map_err(|error| Error::file("replace", path, error))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
        .open(path)
        .map_err(|error| Error::file("create", path, error))
}

/// Tells whether an earlier attempt has written this file completely.
fn is_complete(path: &Path, content: &Content, mode: u32) -> bool {
    let check = || -> io::Result<bool> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.len() != content.size_bytes || metadata.permissions().mode() & 0o777 != mode {
            return Ok(false);
        }
        for (id, offset, bytes) in content.parts() {
            let mut chunk = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
            file.read_exact_at(&mut chunk, offset)?;
            if ChunkId::of(&chunk) != id {
                return Ok(false);
            }
        }
        file.sync_all()?; // the attempt may have ended before it did
        Ok(true)
    };
    check().unwrap_or(false)
}
