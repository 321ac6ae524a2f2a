//! What a failure of SQLite or of the file system means to a caller.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::store::{Error, finished};

/// A failure, and the file that it happened to.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", path.display())]
struct Failed {
    path: PathBuf,
    /// Shared, since everyone whose events were in one transaction learns of its failure.
    #[source]
    cause: Arc<dyn StdError + Send + Sync>,
}

/// Wraps what SQLite said about the database at `path`.
pub(super) fn sql_failed(path: &Path, error: impl Into<Arc<rusqlite::Error>>) -> Error {
    let error = error.into();
    if is_damage(&error) {
        return Error::Damaged(format!("{}: {error}", path.display()));
    }
    unavailable(path, error)
}

/// Wraps what the file system said about `path`.
pub(super) fn io_failed(path: &Path, error: impl Into<Arc<io::Error>>) -> Error {
    unavailable(path, error.into())
}

/// Returns the error of a store that cannot go on for the reason given.
pub(super) fn refused(reason: impl Into<String>) -> Error {
    Error::Unavailable(reason.into().into())
}

/// Runs disk I/O where it blocks no async task. The work is done whether or not somebody still waits.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    finished(tokio::task::spawn_blocking(work).await)
}

fn unavailable(path: &Path, cause: Arc<dyn StdError + Send + Sync>) -> Error {
    let path = path.to_owned();
    Error::Unavailable(Box::new(Failed { path, cause }))
}

/// Tells whether trying again later cannot help: the file's content is wrong, not its surroundings.
fn is_damage(error: &rusqlite::Error) -> bool {
    let damaged_file = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    );
    let damaged_row = matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
    );
    damaged_file || damaged_row
}
