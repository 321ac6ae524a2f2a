//! Files in which multipart uploads that have started are remembered, so that a later process can resume them.
//!
//! They are kept in a folder of their own rather than beside the uploaded files: a folder of documents may be read-only,
//! shared, or uploaded as a whole. They contain no URLs and no keys. The uploaded file's modification time is not
//! stored: its content is read again on each run, and only that decides.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::client::Error;
use crate::client::error::failed;
use crate::client::local_file::finish;
use crate::durable_file;

/// A multipart upload that has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StartedUpload {
    pub(super) path: PathBuf,
    pub(super) file_id: String,
    pub(super) upload_id: String,
    pub(super) part_bytes: u64,
    pub(super) content: Content,
    /// The object exists, but no event references it yet.
    pub(super) is_complete: bool,
}

/// The content of an upload, which can only be resumed with the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) size_bytes: u64,
    pub(super) sha256: String,
    pub(super) name: String,
    pub(super) media_type: Option<String>,
}

/// The file that remembers the upload of one local file.
#[derive(Debug)]
pub(super) struct ResumeFile {
    folder: PathBuf,
    path: PathBuf,
}

impl ResumeFile {
    /// `destination` is the service and the tenant, which may be sent the same local file as others.
    pub(super) fn new(state_folder: &Path, destination: [&str; 2], path: &Path) -> Self {
        let mut name = Sha256::new();
        for text in destination {
            name.update(text);
            name.update([0]);
        }
        name.update(path.as_os_str().as_encoded_bytes());
        let folder = state_folder.join("uploads");
        let path = folder.join(format!("{}.json", finish(name)));
        Self { folder, path }
    }

    /// Returns `None` if no upload has started, or if the file cannot be parsed: the upload then starts over.
    pub(super) fn read(&self) -> Result<Option<StartedUpload>, Error> {
        durable_file::read_json_if_valid(&self.path).map_err(failed("read", &self.path))
    }

    pub(super) fn write(&self, upload: &StartedUpload) -> Result<(), Error> {
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| durable_file::write_json(&self.path, upload))
            .map_err(failed("write", &self.path))
    }

    pub(super) fn remove(&self) -> Result<(), Error> {
        durable_file::remove(&self.path).map_err(failed("remove", &self.path))
    }
}
