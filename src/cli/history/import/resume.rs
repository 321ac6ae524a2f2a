//! The file that remembers how far an import is. Importing again from the beginning would store nothing twice: it saves the
//! time.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::options::MappingOptions;
use crate::cli::history::delivery::Totals;
use crate::config::ClientConfig;
use crate::durable_file;

/// Where the next event of a file begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) offset: u64,
    pub(super) line: u64,
    pub(super) record: u64,
}

/// The progress of an import that was interrupted.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Imported {
    /// The file as it was.
    size_bytes: u64,
    modified: (i64, i64),
    pub(super) position: Position,
    pub(super) totals: Totals,
}

#[derive(Debug)]
pub(super) struct ResumeFile {
    /// `None`: there is no folder for it.
    path: Option<PathBuf>,
    size_bytes: u64,
    modified: (i64, i64),
}

impl ResumeFile {
    /// The same file may be imported into several tenants, and in several ways.
    pub(super) fn new(
        config: &ClientConfig,
        file: &Path,
        metadata: &Metadata,
        options: &MappingOptions,
    ) -> anyhow::Result<Self> {
        let file = file.canonicalize().context("cannot find the file")?;
        let mut name = Sha256::new();
        for text in [
            config.url.as_str(),
            &config.client_id,
            &format!("{options:?}"),
        ] {
            name.update(text);
            name.update([0]);
        }
        name.update(file.as_os_str().as_encoded_bytes());
        let name = format!("{}.json", hex::encode(name.finalize()));
        let folder = config.state_folder.as_ref();
        Ok(Self {
            path: folder.map(|folder| folder.join("imports").join(name)),
            size_bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }

    /// Returns what an earlier run has done; `None` if there was none, or the file has changed since.
    pub(super) fn read(&self) -> anyhow::Result<Option<Imported>> {
        let Some(path) = &self.path else {
            return Ok(None);
        };
        let imported: Option<Imported> = durable_file::read_json_if_valid(path)
            .with_context(|| format!("cannot read '{}'", path.display()))?;
        Ok(imported.filter(|it| (it.size_bytes, it.modified) == (self.size_bytes, self.modified)))
    }

    pub(super) fn write(&self, position: Position, totals: Totals) -> anyhow::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let imported = Imported {
            size_bytes: self.size_bytes,
            modified: self.modified,
            position,
            totals,
        };
        std::fs::create_dir_all(durable_file::folder_of(path))
            .and_then(|()| durable_file::write_json(path, &imported))
            .with_context(|| format!("cannot write '{}'", path.display()))
    }

    pub(super) fn remove(&self) -> anyhow::Result<()> {
        let path = self.path.as_deref();
        path.map_or(Ok(()), durable_file::remove)
            .context("cannot remove the file that remembers the import")
    }
}
