//! Downloads of an event's file, which is verified against the event's record.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::api::RecordedFile;
use super::error::failed;
use super::local_file::finish;
use super::progress::{Phase, Progress};
use super::{Client, Error};
use crate::domain::{EventId, FileId, FileName, FileSha256};
use crate::durable_file::{folder_of, sync_folder_of};

/// Where to save a file.
#[derive(Debug, Clone)]
pub enum Target {
    /// In this folder, under its recorded name.
    Folder(PathBuf),
    File(PathBuf),
}

/// A completed download.
#[derive(Debug)]
pub struct Download {
    pub size_bytes: u64,
    pub sha256: FileSha256,
    /// `false`: no SHA-256 was recorded with the event, so that the bytes could not be verified.
    pub is_verified: bool,
    /// The event's files, this one included.
    pub file_count: usize,
}

/// A file that an event references.
#[derive(Debug)]
pub struct FileOfEvent {
    pub id: FileId,
    /// `None`: no name was recorded with the event.
    pub name: Option<FileName>,
}

/// A file of an event, and its record.
#[derive(Debug)]
struct EventFile {
    event_id: EventId,
    file_id: String,
    size_bytes: Option<u64>,
    sha256: Option<String>,
    name: Option<FileName>,
    /// The event's files, this one included.
    file_count: usize,
}

impl Client {
    /// Downloads a file of an event, by default the first. An existing file is only replaced with `force`. The target
    /// only ever contains the complete and verified file.
    pub async fn download(
        &self,
        event_id: EventId,
        file_id: Option<FileId>,
        target: &Target,
        force: bool,
        progress: &Progress,
    ) -> Result<(PathBuf, Download), Error> {
        let file = self.find(event_id, file_id).await?;
        let path = match target {
            Target::File(path) => path.clone(),
            Target::Folder(folder) => folder.join(match &file.name {
                Some(name) => name.to_local(),
                None => file.file_id.clone(),
            }),
        };
        if !force && path.symlink_metadata().is_ok() {
            return Err(exists(&path));
        }
        let temporary = create_temporary(&path)?;
        let attempt = || async {
            let out = File::create(&temporary).await;
            let mut out = out.map_err(failed("write", &path))?;
            let download = self.fetch(&file, &mut out, &path, progress).await?;
            out.sync_all().await.map_err(failed("write", &path))?;
            Ok(download)
        };
        let download = self.retry.run("download the file", attempt).await?;
        let renamed = if force {
            temporary.persist(&path)
        } else {
            temporary.persist_noclobber(&path)
        };
        renamed.map_err(|error| failed("write", &path)(error.error))?;
        // Only this makes the name durable. A file that replaced another stays: the other one is gone.
        if let Err(error) = sync_folder_of(&path) {
            if !force {
                let _ = std::fs::remove_file(&path);
            }
            return Err(failed("write", &path)(error));
        }
        Ok((path, download))
    }

    /// Downloads a file of an event into `out`, which errors call `path`. Its reader has to wait for the end to know that
    /// the bytes are verified, so there are no retries.
    pub async fn download_into(
        &self,
        event_id: EventId,
        file_id: Option<FileId>,
        out: &mut (impl AsyncWrite + Unpin),
        path: &Path,
        progress: &Progress,
    ) -> Result<Download, Error> {
        let file = self.find(event_id, file_id).await?;
        self.fetch(&file, out, path, progress).await
    }

    /// Returns the files of an event, in their order.
    pub async fn files(&self, event_id: EventId) -> Result<Vec<FileOfEvent>, Error> {
        let event = self.api.event(event_id).await?;
        let event = event.ok_or_else(|| no_event(event_id))?;
        let first = event.file_id.clone();
        let files = event.files();
        if files.is_empty() {
            // An event without a record of its file.
            let first = first.ok_or_else(|| no_file(event_id))?;
            let id = file_id_of(&first)?;
            return Ok(vec![FileOfEvent { id, name: None }]);
        }
        let files = files.into_iter().map(|RecordedFile { file_id, record }| {
            Ok(FileOfEvent {
                id: file_id_of(&file_id)?,
                name: record.file_name.and_then(|it| FileName::parse(&it).ok()),
            })
        });
        files.collect()
    }

    async fn find(&self, event_id: EventId, file_id: Option<FileId>) -> Result<EventFile, Error> {
        let event = self.api.event(event_id).await?;
        let event = event.ok_or_else(|| no_event(event_id))?;
        let first = event.file_id.clone();
        let requested = file_id.map(|it| it.to_string());
        let file_id = requested.clone().or(first);
        let file_id = file_id.ok_or_else(|| no_file(event_id))?;
        if requested.is_some() && event.file_id.is_none() {
            return Err(no_file(event_id));
        }
        let files = event.files();
        let file_count = files.len();
        let ids: Vec<String> = files.iter().map(|file| file.file_id.clone()).collect();
        let recorded = files.into_iter().find(|file| file.file_id == file_id);
        if recorded.is_none() && !ids.is_empty() {
            let ids = ids.join(", ");
            return Err(Error::Other(format!(
                "event '{event_id}' has no file '{file_id}': its files are {ids}"
            )));
        }
        let record = recorded.map(|RecordedFile { record, .. }| record);
        Ok(EventFile {
            event_id,
            file_id,
            size_bytes: record.as_ref().map(|it| it.size_bytes),
            sha256: record.as_ref().and_then(|it| it.sha256.clone()),
            name: record.and_then(|it| FileName::parse(&it.file_name?).ok()),
            file_count,
        })
    }

    /// Makes one attempt to download the file.
    async fn fetch(
        &self,
        file: &EventFile,
        out: &mut (impl AsyncWrite + Unpin),
        path: &Path,
        progress: &Progress,
    ) -> Result<Download, Error> {
        let url = self.api.download_url(file.event_id, &file.file_id).await?;
        let mut answer = self.storage.get(&url).await?;
        let name = file.name.as_ref().map_or(&*file.file_id, FileName::as_str);
        let total = file
            .size_bytes
            .or(answer.content_length())
            .unwrap_or_default();
        progress.begin(Phase::Downloading, name, total, 0);
        let count = progress.attempt();
        let counter = count.counter();
        let (mut sha256, mut size_bytes) = (Sha256::new(), 0);
        while let Some(chunk) = self.storage.chunk(&mut answer).await? {
            if file
                .size_bytes
                .is_some_and(|it| it < size_bytes + chunk.len() as u64)
            {
                return Err(file.is_longer());
            }
            out.write_all(&chunk).await.map_err(failed("write", path))?;
            sha256.update(&chunk);
            size_bytes += chunk.len() as u64;
            counter(chunk.len() as u64);
        }
        out.flush().await.map_err(failed("write", path))?;
        count.succeed();
        file.verify(size_bytes, finish(sha256))
    }
}

impl EventFile {
    /// Returns the error for bytes past the recorded size: there may be no end of them.
    fn is_longer(&self) -> Error {
        Error::Other(format!(
            "'{}' file is not what was recorded with the event: it is longer than {} bytes",
            self.file_id,
            self.size_bytes.unwrap_or_default()
        ))
    }

    fn verify(&self, size_bytes: u64, sha256: FileSha256) -> Result<Download, Error> {
        let recorded = self.sha256.as_deref();
        let text = sha256.to_string();
        let is_different = self.size_bytes.is_some_and(|it| it != size_bytes)
            || recorded.is_some_and(|it| it != text);
        if is_different {
            return Err(Error::Other(format!(
                "'{}' file is not what was recorded with the event\n  recorded: {} bytes, SHA-256 {}\n  \
                 received: {size_bytes} bytes, SHA-256 {text}",
                self.file_id,
                self.size_bytes.unwrap_or_default(),
                recorded.unwrap_or("unknown"),
            )));
        }
        Ok(Download {
            size_bytes,
            sha256,
            is_verified: recorded.is_some(),
            file_count: self.file_count,
        })
    }
}

fn no_event(event_id: EventId) -> Error {
    Error::Other(format!("there is no event '{event_id}'"))
}

fn no_file(event_id: EventId) -> Error {
    Error::Other(format!("event '{event_id}' has no file"))
}

fn file_id_of(text: &str) -> Result<FileId, Error> {
    FileId::parse(text).map_err(|_| Error::Answer {
        request: "events",
        cause: "the id of a file is not a UUID".into(),
    })
}

/// Creates a file in the folder of `path`, which is removed again unless it is persisted.
fn create_temporary(path: &Path) -> Result<TempPath, Error> {
    let folder = folder_of(path);
    let file = tempfile::Builder::new()
        .prefix(".event-history-")
        // As for any new file; the umask applies.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder);
    let file = file.map_err(failed("write in", folder))?;
    Ok(file.into_temp_path())
}

fn exists(path: &Path) -> Error {
    let path = path.display();
    Error::Other(format!("'{path}' already exists: --force replaces it"))
}
