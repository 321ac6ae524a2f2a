//! Errors of the backends during a job: which are retried, which affect one tenant or file only, and which end the job.

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::DatabaseName;
use crate::retry::{Limit, Retry, Transient};
use crate::{objects, store};

/// An error that ends a sweep or a verification.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no tenant called '{0}'")]
    UnknownTenant(DatabaseName),
    /// Every file would look orphaned. Much more likely, this is not the database that they belong to.
    #[error("the database has no tenants, so it cannot tell which files are orphaned")]
    NoTenants,
    #[error("cannot {what}")]
    Store {
        what: &'static str,
        source: store::Error,
    },
    #[error("cannot {what}")]
    Objects {
        what: &'static str,
        source: objects::Error,
    },
    #[error(transparent)]
    Owner(objects::Error),
    #[error("cannot keep the state of the verification in '{}'", path.display())]
    State {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// An outage of a backend may take two minutes, which is longer than a restart.
const RETRY: Retry = Retry {
    first_pause: Duration::from_millis(50),
    longest_pause: Duration::from_secs(5),
    limit: Limit::Elapsed(Duration::from_mins(2)),
};

impl Transient for store::Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Busy | Self::Unavailable(_) => true,
            Self::DatabaseMissing(_)
            | Self::EntryMissing(_)
            | Self::CursorRefused(_)
            | Self::Damaged(_) => false,
        }
    }
}

impl Transient for objects::Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Credentials(_) | Self::Unavailable(_) => true,
            Self::Damaged(_) | Self::Refused(_) => false,
        }
    }
}

/// Retries a call to a backend while that is unreachable, for up to two minutes. `what` completes "cannot …".
pub(super) async fn retry<T, E: Transient, F: Future<Output = Result<T, E>>>(
    what: &str,
    attempt: impl FnMut() -> F,
) -> Result<T, E> {
    RETRY.run(what, attempt).await
}

/// Retries an operation on one file, once after each of `pauses`. `ping` is called after each failure and returns once
/// the file's storages respond, so that an outage does not count as a problem of the file.
///
/// The outer error is that of `ping`, the inner one that of the file.
pub(super) async fn retry_file<T, E>(
    pauses: &[Duration],
    mut ping: impl AsyncFnMut() -> Result<(), E>,
    mut attempt: impl AsyncFnMut() -> Result<T, objects::Error>,
) -> Result<Result<T, objects::Error>, E> {
    let mut pauses = pauses.iter();
    loop {
        let outcome = attempt().await;
        if outcome.is_ok() {
            return Ok(outcome);
        }
        ping().await?;
        match pauses.next() {
            Some(pause) => tokio::time::sleep(*pause).await,
            None => return Ok(outcome),
        }
    }
}

/// Tells whether an error affects one tenant only, so that a job can continue with the others.
pub(super) fn affects_one_tenant(error: &store::Error) -> bool {
    match error {
        store::Error::DatabaseMissing(_)
        | store::Error::EntryMissing(_)
        | store::Error::CursorRefused(_)
        | store::Error::Damaged(_) => true,
        store::Error::Busy | store::Error::Unavailable(_) => false,
    }
}
