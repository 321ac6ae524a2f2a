//! Maps failures of SQLite and of the file system to errors of the store: those that a retry may fix, and damage.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;
use rusqlite::types::Type;

use super::file_names::tenant_of;
use crate::store::{Error, finished};

/// A failure, and the file that it happened to.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", path.display())]
struct Failed {
    path: PathBuf,
    /// Shared by all callers whose events were in one transaction.
    #[source]
    cause: Arc<dyn StdError + Send + Sync>,
}

/// A row that SQLite returned, or should have, and that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{row}: {problem}")]
struct DamagedRow {
    row: String,
    problem: String,
}

/// Wraps an error of SQLite about the database at `path`.
pub(crate) fn sql_failed(path: &Path, error: impl Into<Arc<rusqlite::Error>>) -> Error {
    let error = error.into();
    if !is_damage(&error) {
        return unavailable(path, error);
    }
    match damaged_row_of(&error) {
        Some(row) => damaged(path, row),
        None => damaged(path, &error),
    }
}

/// Wraps an error of the file system about `path`.
pub(crate) fn io_failed(path: &Path, error: impl Into<Arc<io::Error>>) -> Error {
    unavailable(path, error.into())
}

/// Returns the error of a file whose content is wrong, with the tenant whose file it is.
pub(crate) fn damaged(path: &Path, problem: &dyn fmt::Display) -> Error {
    let path_name = path.display();
    Error::Damaged(match tenant_of(path) {
        Some(name) => format!("tenant '{name}': '{path_name}': {problem}"),
        None => format!("'{path_name}': {problem}"),
    })
}

/// Returns the error of a row that makes no sense, which [`sql_failed`] maps to damage.
pub(crate) fn damaged_row(row: impl Into<String>, problem: impl Into<String>) -> rusqlite::Error {
    let damage = DamagedRow {
        row: row.into(),
        problem: problem.into(),
    };
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, Box::new(damage))
}

/// Tells whether the error is about one row, not about SQLite as a whole.
pub(crate) fn is_damaged_row(error: &rusqlite::Error) -> bool {
    damaged_row_of(error).is_some()
}

fn damaged_row_of(error: &rusqlite::Error) -> Option<&DamagedRow> {
    match error {
        rusqlite::Error::FromSqlConversionFailure(_, _, cause) => cause.downcast_ref(),
        _ => None,
    }
}

/// Returns the error of a store that is unavailable for this reason.
pub(crate) fn refused(reason: impl Into<String>) -> Error {
    Error::Unavailable(reason.into().into())
}

/// Runs disk I/O off the async tasks. The work is done even if the caller stops waiting.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    finished(tokio::task::spawn_blocking(work).await)
}

fn unavailable(path: &Path, cause: Arc<dyn StdError + Send + Sync>) -> Error {
    let path = path.to_owned();
    Error::Unavailable(Box::new(Failed { path, cause }))
}

/// Tells whether a retry cannot help, since the cause is in the file. A row that is missing where one has to be, or that
/// cannot be decoded, stays as it is; so does a table that is gone.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code().is_none_or(|code| {
        !matches!(
            code,
            ErrorCode::PermissionDenied
                | ErrorCode::OperationAborted
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
                | ErrorCode::ReadOnly
                | ErrorCode::OperationInterrupted
                | ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::CannotOpen
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::SchemaChanged
                | ErrorCode::NoLargeFileSupport
                | ErrorCode::AuthorizationForStatementDenied
        )
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::{Error as Sql, ffi};

    use super::{damaged_row, sql_failed};
    use crate::store::Error;

    const PATH: &str = "/data/tenants/=demo.db";

    fn failed(error: Sql) -> Error {
        sql_failed(Path::new(PATH), error)
    }

    #[test]
    fn errors_that_a_retry_may_fix_are_unavailable_and_others_damage() {
        for code in [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_BUSY_SNAPSHOT,
            ffi::SQLITE_LOCKED,
            ffi::SQLITE_FULL,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_READ,
            ffi::SQLITE_CANTOPEN,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_NOMEM,
            ffi::SQLITE_PROTOCOL,
        ] {
            let error = failed(Sql::SqliteFailure(ffi::Error::new(code), None));
            assert!(matches!(error, Error::Unavailable(_)), "{code} {error}");
        }
        for code in [
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_CORRUPT_INDEX,
            ffi::SQLITE_NOTADB,
            ffi::SQLITE_ERROR, // a table that is gone, say
            ffi::SQLITE_CONSTRAINT_CHECK,
        ] {
            let error = failed(Sql::SqliteFailure(ffi::Error::new(code), None));
            let text = error.to_string();
            assert!(matches!(error, Error::Damaged(_)), "{code} {text}");
            assert!(text.contains("tenant 'Demo'"), "{text}");
            assert!(text.contains(PATH), "{text}");
        }
        for error in [Sql::QueryReturnedNoRows, Sql::IntegralValueOutOfRange(1, 7)] {
            assert!(matches!(failed(error), Error::Damaged(_)));
        }
    }

    #[test]
    fn a_damaged_row_is_named() {
        let error = failed(damaged_row("row 7", "it is gone"));
        let expected =
            format!("the database is damaged: tenant 'Demo': '{PATH}': row 7: it is gone");
        assert_eq!(error.to_string(), expected);
    }
}
