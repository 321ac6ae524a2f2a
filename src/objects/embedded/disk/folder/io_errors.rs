//! I/O errors that name a path, and those that report damage.

use std::io::{self, ErrorKind};
use std::path::Path;

/// Adds the operation that failed and its path to the message; the kind stays.
pub(crate) fn with_path(operation: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("{operation} '{}': {error}", path.display()),
    )
}

/// Returns `None` for what does not exist.
pub(crate) fn if_found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

pub(crate) fn damaged(reason: &str) -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        format!("the file is damaged: {reason}"),
    )
}

/// Returns true if the data on disk caused the error, so that a retry would find the same.
pub(crate) fn is_damage(error: &io::Error) -> bool {
    use ErrorKind::{InvalidData, IsADirectory, NotADirectory, UnexpectedEof};
    matches!(
        error.kind(),
        InvalidData | UnexpectedEof | IsADirectory | NotADirectory
    )
}

/// Returns the error for a file or folder that is not named as this service would name it.
pub(crate) fn unknown_file() -> io::Error {
    io::Error::other("this service did not create it")
}
