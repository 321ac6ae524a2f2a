//! A local file that goes up: what it was when it was looked at.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::progress::{Phase, Progress};
use super::{Error, NewFile};
use crate::domain::{ContentType, FileName, FileSha256};

/// Read at a time.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;

#[derive(Debug, Clone)]
pub(super) struct LocalFile {
    pub(super) path: PathBuf,
    pub(super) name: FileName,
    pub(super) content_type: Option<ContentType>,
    pub(super) size_bytes: u64,
}

/// What a file's bytes are, as a whole and part by part.
#[derive(Debug, Clone)]
pub(super) struct Fingerprint {
    pub(super) sha256: FileSha256,
    /// One for each part of `part_bytes`, so that every byte that is sent is held against the first
    /// reading. A file has 10,000 parts at most.
    pub(super) parts: Vec<FileSha256>,
}

impl LocalFile {
    pub(super) async fn look(new: &NewFile) -> Result<Self, Error> {
        let NewFile {
            path,
            name,
            content_type,
        } = new;
        let failed = |action| failed(action, path);
        let path = tokio::fs::canonicalize(path)
            .await
            .map_err(failed("open"))?;
        let metadata = tokio::fs::metadata(&path).await.map_err(failed("read"))?;
        if !metadata.is_file() {
            return Err(Error::NotSo(format!("'{}' is not a file", path.display())));
        }
        Ok(Self {
            path,
            name: name.clone(),
            content_type: content_type.clone(),
            size_bytes: metadata.len(),
        })
    }

    /// Reads the file once.
    pub(super) async fn fingerprint(
        &self,
        part_bytes: u64,
        progress: &Progress,
    ) -> Result<Fingerprint, Error> {
        progress.begin(Phase::Hashing, self.name.as_str(), self.size_bytes, 0);
        let count = progress.attempt().counter();
        let failed = |action| failed(action, &self.path);
        let mut file = File::open(&self.path).await.map_err(failed("open"))?;
        let mut buffer = vec![0; CHUNK_BYTES];
        let (mut whole, mut part) = (Sha256::new(), Sha256::new());
        let (mut left, mut read_bytes, mut parts) = (part_bytes, 0, Vec::new());
        loop {
            let room = usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
            let read = file
                .read(&mut buffer[..room])
                .await
                .map_err(failed("read"))?;
            if read == 0 {
                break;
            }
            whole.update(&buffer[..read]);
            part.update(&buffer[..read]);
            left -= read as u64;
            read_bytes += read as u64;
            count(read as u64);
            if left == 0 {
                parts.push(finished(std::mem::take(&mut part)));
                left = part_bytes;
            }
        }
        if left < part_bytes || parts.is_empty() {
            parts.push(finished(part));
        }
        if read_bytes != self.size_bytes {
            return Err(Error::ChangedMeanwhile(self.path.clone()));
        }
        Ok(Fingerprint {
            sha256: finished(whole),
            parts,
        })
    }
}

pub(super) fn finished(sha256: Sha256) -> FileSha256 {
    FileSha256::new(sha256.finalize().into())
}

/// Returns the folder that `path` is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Waits until the name of the file at `path` is on the disk.
pub(super) fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder_of(path))?.sync_all()
}

pub(super) fn failed(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |cause| Error::File {
        action,
        path,
        cause,
    }
}
