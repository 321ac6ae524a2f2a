//! How far a verification has come, in a file that outlives it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Error;

/// What a verification goes on behind: every tenant that comes earlier by name is done, and of `tenant`
/// every event up to the one at `time_us` with `event_id`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    pub tenant: Option<String>,
    pub time_us: i64,
    pub event_id: Option<Uuid>,
    /// Figures of everything before.
    pub files: u64,
    pub bytes: u64,
    pub problems: u64,
    pub unverified: u64,
}

impl Mark {
    /// Reads a file; one that is not there is the beginning.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::State {
            path: path.to_owned(),
            source,
        };
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(error.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes the file anew: whoever reads it finds this mark or the one before.
    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        let write = || {
            let bytes = serde_json::to_vec(self)?;
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
                _ => PathBuf::from("."),
            };
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            file.write_all(&bytes)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|source| Error::State {
            path: path.to_owned(),
            source,
        })
    }

    /// Removes the file of a verification that has come to its end.
    pub(super) fn remove(path: &Path) -> Result<(), Error> {
        match fs::remove_file(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::State {
                path: path.to_owned(),
                source,
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mark;

    #[test]
    fn a_mark_comes_back_or_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        assert_eq!(Mark::read(&path).unwrap(), Mark::default());
        let mark = Mark {
            tenant: Some("demo".to_owned()),
            files: 7,
            ..Mark::default()
        };
        mark.write(&path).unwrap();
        assert_eq!(Mark::read(&path).unwrap(), mark);
        std::fs::write(&path, "{").unwrap();
        assert!(Mark::read(&path).is_err());
        Mark::remove(&path).unwrap();
        Mark::remove(&path).unwrap();
    }
}
