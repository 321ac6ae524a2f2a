//! Blobs in a folder: each is a file, written under a temporary name, synced and renamed.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tempfile::NamedTempFile;

use super::{Blobs, MAX_BLOB_BYTES, require_name};
use crate::objects::Error;

/// The folder of blobs that are being written. Not a name of a blob, so no listing shows what a crash leaves there.
const INCOMING: &str = ".incoming";

/// The age of what is left there of a process that was killed: no blob takes so long.
const ABANDONED_AFTER: Duration = Duration::from_hours(24);

/// Only the owner may look into a folder: a backup holds what tenants store.
const PRIVATE: u32 = 0o700;

/// A folder of blobs.
#[derive(Debug, Clone)]
pub struct BlobFolder {
    path: PathBuf,
    /// Folders with names that may not be on the disk yet.
    unsynced: Arc<Mutex<BTreeSet<PathBuf>>>,
    /// What killed processes left was removed.
    is_cleaned: Arc<AtomicBool>,
}

impl BlobFolder {
    /// Names a folder, which is created when the first blob is stored.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            unsynced: Arc::default(),
            is_cleaned: Arc::default(),
        }
    }

    fn put_blocking(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let target = self.path.join(name);
        let folder = target.parent().unwrap_or(&self.path);
        self.create(folder)?;
        let incoming = self.path.join(INCOMING);
        self.create(&incoming)?;
        let mut file = NamedTempFile::new_in(&incoming)?;
        if !self.is_cleaned.swap(true, Ordering::Relaxed) {
            remove_abandoned(&incoming, file.as_file())?;
        }
        file.write_all(content)?;
        file.as_file().sync_all()?;
        NamedTempFile::persist(file, &target)?;
        self.note_unsynced(folder);
        Ok(())
    }

    /// Creates a folder and its missing parents.
    fn create(&self, folder: &Path) -> io::Result<()> {
        let missing: Vec<_> = folder.ancestors().take_while(|it| !it.is_dir()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(PRIVATE)
            .create(folder)?;
        for created in missing {
            self.note_unsynced(parent_of(created));
        }
        Ok(())
    }

    fn note_unsynced(&self, folder: &Path) {
        let mut unsynced = self.unsynced.lock().unwrap_or_else(PoisonError::into_inner);
        if !unsynced.contains(folder) {
            unsynced.insert(folder.to_owned());
        }
    }

    fn get_blocking(&self, name: &str) -> io::Result<Option<Bytes>> {
        let Some(file) = if_found(File::open(self.path.join(name)))? else {
            return Ok(None);
        };
        let mut content = Vec::new();
        file.take(MAX_BLOB_BYTES + 1).read_to_end(&mut content)?;
        if content.len() as u64 > MAX_BLOB_BYTES {
            return Err(ErrorKind::FileTooLarge.into());
        }
        Ok(Some(content.into()))
    }

    fn list_blocking(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let mut waiting = vec![folder.to_owned()];
        while let Some(folder) = waiting.pop() {
            let Some(entries) = if_found(fs::read_dir(self.path.join(&folder)))? else {
                continue;
            };
            for entry in entries {
                let entry = entry?;
                let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
                if require_name(&name).is_err() {
                    continue;
                }
                if entry.file_type()?.is_dir() {
                    waiting.push(name);
                } else {
                    names.push(name);
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn sync_blocking(&self) -> io::Result<()> {
        let taken =
            std::mem::take(&mut *self.unsynced.lock().unwrap_or_else(PoisonError::into_inner));
        for folder in taken {
            let synced = File::open(&folder).and_then(|it| it.sync_all());
            if let Err(error) = synced {
                self.note_unsynced(&folder); // for the next attempt
                return Err(error);
            }
        }
        Ok(())
    }

    /// Runs `work` where blocking is allowed.
    async fn blocking<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (this, path) = (self.clone(), self.path.join(name));
        let done = tokio::task::spawn_blocking(move || work(&this)).await;
        let done = done.unwrap_or_else(|panic| Err(io::Error::other(panic)));
        done.map_err(|error| {
            let is_damage = error.kind() == ErrorKind::FileTooLarge;
            let named = io::Error::new(error.kind(), format!("'{}': {error}", path.display()));
            if is_damage {
                Error::Damaged(named.into())
            } else {
                Error::Unavailable(named.into())
            }
        })
    }
}

#[async_trait]
impl Blobs for BlobFolder {
    async fn put(&self, name: &str, content: Bytes) -> Result<(), Error> {
        require_name(name)?;
        let owned = name.to_owned();
        self.blocking(name, move |it| it.put_blocking(&owned, &content))
            .await
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, Error> {
        require_name(name)?;
        let owned = name.to_owned();
        self.blocking(name, move |it| it.get_blocking(&owned)).await
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, Error> {
        require_name(name)?;
        let owned = name.to_owned();
        self.blocking(name, move |it| {
            let path = it.path.join(owned);
            let found = if_found(fs::metadata(&path))?;
            if found.is_some() {
                // Whoever relies on it needs its name on the disk, and its writer may have been killed before it synced.
                it.note_unsynced(parent_of(&path));
            }
            Ok(found.map(|file| file.len()))
        })
        .await
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        require_name(folder)?;
        let owned = folder.to_owned();
        self.blocking(folder, move |it| it.list_blocking(&owned))
            .await
    }

    async fn sync(&self) -> Result<(), Error> {
        self.blocking("", Self::sync_blocking).await
    }
}

/// Removes what is much older than the file that was just created.
fn remove_abandoned(folder: &Path, created: &File) -> io::Result<()> {
    let now = created.metadata()?.modified()?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(found) = if_found(entry.metadata())? else {
            continue;
        };
        let age = now.duration_since(found.modified()?).unwrap_or_default();
        if age > ABANDONED_AFTER {
            if_found(fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

fn if_found<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the folder that a relative or absolute path is in.
fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::{ABANDONED_AFTER, BlobFolder};
    use crate::objects::blobs::Blobs;

    #[tokio::test]
    async fn blobs_are_stored_replaced_and_listed() {
        let home = tempfile::tempdir().unwrap();
        let folder = BlobFolder::new(home.path().join("new/target"));
        assert_eq!(folder.get("a/b").await.unwrap(), None);
        assert!(folder.list("a").await.unwrap().is_empty());
        for content in ["one", "other"] {
            folder.put("a/c/d", Bytes::from(content)).await.unwrap();
            folder.put("a/b", Bytes::from(content)).await.unwrap();
            assert_eq!(folder.get("a/b").await.unwrap().unwrap(), content);
        }
        folder.sync().await.unwrap();
        assert_eq!(folder.size("a/b").await.unwrap(), Some(5));
        assert_eq!(folder.size("a/x").await.unwrap(), None);
        let incoming = home.path().join("new/target/.incoming");
        assert_eq!(std::fs::read_dir(&incoming).unwrap().count(), 0);
        std::fs::write(home.path().join("new/target/a/.left"), "x").unwrap();
        assert_eq!(folder.list("a").await.unwrap(), ["a/b", "a/c/d"]);
        assert!(folder.put("../x", Bytes::new()).await.is_err());
    }

    #[tokio::test]
    async fn what_a_killed_process_left_is_removed_a_day_later() {
        let home = tempfile::tempdir().unwrap();
        let incoming = home.path().join(".incoming");
        std::fs::create_dir(&incoming).unwrap();
        let [old, new] = ["old", "new"].map(|name| incoming.join(name));
        for path in [&old, &new] {
            std::fs::write(path, "x").unwrap();
        }
        let modified = std::fs::metadata(&new).unwrap().modified().unwrap();
        let before = modified - ABANDONED_AFTER - Duration::from_mins(1);
        let file = std::fs::File::options().write(true).open(&old).unwrap();
        file.set_modified(before).unwrap();
        let folder = BlobFolder::new(home.path().to_owned());
        folder.put("a", Bytes::from("x")).await.unwrap();
        assert!(!old.exists() && new.exists());
    }
}
