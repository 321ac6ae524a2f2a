//! Local files to upload, and their digests.

use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::error::failed;
use super::progress::{Phase, Progress};
use super::{Error, NewFile};
use crate::domain::{ContentType, FileName, FileSha256};

/// Bytes read at a time.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;

#[derive(Debug, Clone)]
pub(super) struct LocalFile {
    pub(super) path: PathBuf,
    pub(super) name: FileName,
    pub(super) content_type: Option<ContentType>,
    pub(super) size_bytes: u64,
}

/// The digests of a file, as a whole and of its parts.
#[derive(Debug, Clone)]
pub(super) struct FileDigests {
    pub(super) sha256: FileSha256,
    /// One for each part, so that every byte that is sent is verified against the first reading. A file has at most
    /// 10,000 parts.
    pub(super) parts: Vec<FileSha256>,
}

impl LocalFile {
    pub(super) async fn open(new: &NewFile) -> Result<Self, Error> {
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
            return Err(Error::Other(format!("'{}' is not a file", path.display())));
        }
        Ok(Self {
            path,
            name: name.clone(),
            content_type: content_type.clone(),
            size_bytes: metadata.len(),
        })
    }

    /// Reads the file.
    pub(super) async fn digests(
        &self,
        part_bytes: u64,
        progress: &Progress,
    ) -> Result<FileDigests, Error> {
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
                parts.push(finish(std::mem::take(&mut part)));
                left = part_bytes;
            }
        }
        if left < part_bytes || parts.is_empty() {
            parts.push(finish(part));
        }
        if read_bytes != self.size_bytes {
            return Err(Error::FileChanged(self.path.clone()));
        }
        Ok(FileDigests {
            sha256: finish(whole),
            parts,
        })
    }
}

pub(super) fn finish(sha256: Sha256) -> FileSha256 {
    FileSha256::new(sha256.finalize().into())
}
