//! An event's file comes down, and is what was recorded of it or is nothing.

use std::fs::Permissions;
use std::io::SeekFrom;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWrite, AsyncWriteExt};

use super::api::RecordedFile;
use super::file::{failed, finished, folder_of, sync_folder_of};
use super::progress::{Phase, Progress};
use super::retry::patiently;
use super::{Client, Error, storage};
use crate::domain::{EventId, FileId, FileName, FileSha256};

/// Where a file is to be.
#[derive(Debug, Clone)]
pub enum Target {
    /// In this folder, under the name that was recorded.
    In(PathBuf),
    At(PathBuf),
}

/// What came down.
#[derive(Debug)]
pub struct Received {
    pub size_bytes: u64,
    pub sha256: FileSha256,
    /// An event that is older than records, or a storage that told no SHA-256, has nothing to hold the
    /// bytes against.
    pub is_verified: bool,
}

/// A file of an event, and what was recorded of it.
#[derive(Debug)]
struct Wanted {
    event_id: EventId,
    file_id: String,
    size_bytes: Option<u64>,
    sha256: Option<String>,
    name: Option<FileName>,
}

impl Client {
    /// Downloads a file of an event, the first one or the one that is named, to a place that nothing else
    /// is at (`force`: or is). Nobody ever sees a part of it there, or anything but what was recorded.
    pub async fn download(
        &self,
        event_id: EventId,
        file_id: Option<FileId>,
        target: &Target,
        force: bool,
        progress: &Progress,
    ) -> Result<(PathBuf, Received), Error> {
        let wanted = self.wanted(event_id, file_id).await?;
        let path = match target {
            Target::At(path) => path.clone(),
            Target::In(folder) => folder.join(match &wanted.name {
                Some(name) => name.to_local(),
                None => wanted.file_id.clone(),
            }),
        };
        if !force && path.symlink_metadata().is_ok() {
            return Err(there_already(&path));
        }
        let (file, part) = beside(&path)?;
        let mut file = File::from_std(file);
        let received = patiently(self.storage.patience, async || {
            file.set_len(0).await.map_err(failed("write", &path))?;
            let start = file.seek(SeekFrom::Start(0)).await;
            start.map_err(failed("write", &path))?;
            self.fetch(&wanted, &mut file, &path, progress).await
        });
        let received = received.await?;
        file.sync_all().await.map_err(failed("write", &path))?;
        let kept = if force {
            part.persist(&path)
        } else {
            part.persist_noclobber(&path)
        };
        kept.map_err(|error| failed("write", &path)(error.error))?;
        // Its name is on the disk only behind this. What replaced another file stays: that one is gone.
        if let Err(error) = sync_folder_of(&path) {
            if !force {
                let _ = std::fs::remove_file(&path);
            }
            return Err(failed("write", &path)(error));
        }
        Ok((path, received))
    }

    /// Downloads a file of an event into `out`, which is called `path` in errors. Whoever reads there has
    /// to wait for the end to know that it is what was recorded; so it is asked for just once.
    pub async fn download_into(
        &self,
        event_id: EventId,
        file_id: Option<FileId>,
        out: &mut (impl AsyncWrite + Unpin),
        path: &Path,
        progress: &Progress,
    ) -> Result<Received, Error> {
        let wanted = self.wanted(event_id, file_id).await?;
        self.fetch(&wanted, out, path, progress).await
    }

    async fn wanted(&self, event_id: EventId, file_id: Option<FileId>) -> Result<Wanted, Error> {
        let event = self.api.event(event_id).await?;
        let event = event.ok_or_else(|| Error::NotSo(format!("there is no event '{event_id}'")))?;
        let first = event.file_id.clone();
        let file_id = file_id.map(|it| it.to_string()).or(first);
        let file_id =
            file_id.ok_or_else(|| Error::NotSo(format!("event '{event_id}' has no file")))?;
        let mut files = event.files().into_iter();
        let recorded = files.find(|file| file.file_id == file_id);
        let record = recorded.map(|RecordedFile { record, .. }| record);
        Ok(Wanted {
            event_id,
            file_id,
            size_bytes: record.as_ref().map(|it| it.size_bytes),
            sha256: record.as_ref().and_then(|it| it.sha256.clone()),
            name: record.and_then(|it| FileName::parse(&it.file_name?).ok()),
        })
    }

    /// Makes one attempt.
    async fn fetch(
        &self,
        wanted: &Wanted,
        out: &mut (impl AsyncWrite + Unpin),
        path: &Path,
        progress: &Progress,
    ) -> Result<Received, Error> {
        let url = self
            .api
            .download_url(wanted.event_id, &wanted.file_id)
            .await?;
        let mut answer = self.storage.get(&url).await?;
        let name = wanted
            .name
            .as_ref()
            .map_or(&*wanted.file_id, FileName::as_str);
        let total = wanted
            .size_bytes
            .or(answer.content_length())
            .unwrap_or_default();
        progress.begin(Phase::Downloading, name, total, 0);
        let count = progress.attempt();
        let counter = count.counter();
        let (mut sha256, mut size_bytes) = (Sha256::new(), 0);
        while let Some(chunk) = storage::chunk(&mut answer).await? {
            out.write_all(&chunk).await.map_err(failed("write", path))?;
            sha256.update(&chunk);
            size_bytes += chunk.len() as u64;
            counter(chunk.len() as u64);
        }
        out.flush().await.map_err(failed("write", path))?;
        count.keep();
        wanted.verify(size_bytes, finished(sha256))
    }
}

impl Wanted {
    fn verify(&self, size_bytes: u64, sha256: FileSha256) -> Result<Received, Error> {
        let recorded = self.sha256.as_deref();
        let text = sha256.to_string();
        let differs = self.size_bytes.is_some_and(|it| it != size_bytes)
            || recorded.is_some_and(|it| it != text);
        if differs {
            return Err(Error::NotSo(format!(
                "'{}' file is not what was recorded with the event\n  recorded: {} bytes, SHA-256 {}\n  \
                 received: {size_bytes} bytes, SHA-256 {text}",
                self.file_id,
                self.size_bytes.unwrap_or_default(),
                recorded.unwrap_or("unknown"),
            )));
        }
        Ok(Received {
            size_bytes,
            sha256,
            is_verified: recorded.is_some(),
        })
    }
}

/// Opens a file with another name in the folder of `path`, removed again unless it is kept.
fn beside(path: &Path) -> Result<(std::fs::File, TempPath), Error> {
    let folder = folder_of(path);
    let file = tempfile::Builder::new()
        .prefix(".event-history-")
        // What any other new file would have.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder);
    Ok(file.map_err(failed("write in", folder))?.into_parts())
}

fn there_already(path: &Path) -> Error {
    let path = path.display();
    Error::NotSo(format!("'{path}' is there already: --force replaces it"))
}
