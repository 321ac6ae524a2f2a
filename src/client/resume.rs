//! Which uploads in parts have begun, in files of the user's: what a killed process leaves to the next.
//!
//! They lie in a folder of their own and not beside what is uploaded: a folder of documents may be read
//! only, shared or swept up by the next upload. Neither a URL nor a key is in them. A file's time of change
//! is not remembered: its content is read again each time, and that alone tells.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::Error;
use super::file::{failed, finished, sync_folder_of};

/// An upload in parts that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) path: PathBuf,
    pub(super) file_id: String,
    pub(super) upload_id: String,
    pub(super) part_bytes: u64,
    pub(super) content: Content,
    /// The file is there; no event references it yet.
    pub(super) is_complete: bool,
}

/// What goes up: an upload goes on only with the very same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) size_bytes: u64,
    pub(super) sha256: String,
    pub(super) name: String,
    pub(super) media_type: Option<String>,
}

/// Where one file's upload is remembered.
#[derive(Debug)]
pub(super) struct Memory {
    folder: PathBuf,
    file: PathBuf,
}

impl Memory {
    /// `whose` tells apart services and tenants that are sent the same file.
    pub(super) fn new(state_folder: &Path, whose: [&str; 2], path: &Path) -> Self {
        let mut name = Sha256::new();
        for text in [whose[0].as_bytes(), whose[1].as_bytes()] {
            name.update(text);
            name.update([0]);
        }
        name.update(path.as_os_str().as_encoded_bytes());
        let folder = state_folder.join("uploads");
        let file = folder.join(format!("{}.json", finished(name)));
        Self { folder, file }
    }

    /// `None` if nothing has begun. What cannot be understood is as good as nothing: the upload begins
    /// anew.
    pub(super) fn read(&self) -> Result<Option<Begun>, Error> {
        match std::fs::read(&self.file) {
            Ok(json) => Ok(serde_json::from_slice(&json).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &self.file)(error)),
        }
    }

    /// Remembers an upload; it stands there whole or not at all, readable by its owner alone.
    pub(super) fn write(&self, begun: &Begun) -> Result<(), Error> {
        let write = || -> io::Result<()> {
            std::fs::create_dir_all(&self.folder)?;
            let mut file = NamedTempFile::new_in(&self.folder)?;
            serde_json::to_writer(&mut file, begun)?;
            file.as_file().sync_all()?;
            file.persist(&self.file)?;
            sync_folder_of(&self.file)
        };
        write().map_err(failed("write", &self.file))
    }

    pub(super) fn forget(&self) -> Result<(), Error> {
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", &self.file)(error))
            }
            _ => Ok(()),
        }
    }
}
