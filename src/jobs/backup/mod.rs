//! Backups of a data folder beside a running service, into a folder or a bucket; their verification, and their restore.
//!
//! A target holds:
//!
//! ```text
//! event-history-backup.json        the store that these are backups of
//! backups/<name>/started.json      a backup that began
//! backups/<name>/manifest.json     the same backup, complete: written last
//! chunks/<xx>/<SHA-256>            a piece of a database, of a file, or of a listing
//! ```
//!
//! A chunk is named after its content, so what has not changed since an earlier backup is there already, and no chunk is
//! ever replaced by another. A manifest names the listings, a listing the chunks of each database or file. `create` makes a
//! backup, `verify` reads one, `restore` writes one into a new folder. All of them import `target` (what a target
//! holds) and `format` (how it is written), and those no others.

mod create;
mod format;
mod listing;
mod restore;
mod target;
mod verify;

use std::io;
use std::path::{Path, PathBuf};

use crate::{objects, store};

pub use create::{Created, Job, create};
pub use restore::{RestoreJob, Restored, restore};
pub use target::{Backup, Target};
pub use verify::{Verified, verify};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {what}")]
    Store { what: String, source: store::Error },
    #[error("cannot {what}")]
    Target {
        what: String,
        source: objects::Error,
    },
    #[error("cannot {what} '{}'", path.display())]
    File {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// Something in the target is missing, or is not what it was.
    #[error("{0}")]
    Damaged(String),
    #[error("{0}")]
    Refused(String),
}

impl Error {
    fn file(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File {
            what,
            path: path.to_owned(),
            source,
        }
    }

    /// Returns true if a file was not there.
    fn is_missing_file(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Runs `work` where blocking is allowed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| {
        Err(Error::Refused(format!(
            "a part of the work failed: {panic}"
        )))
    })
}
