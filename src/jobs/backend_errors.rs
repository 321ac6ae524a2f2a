//! Errors of the backends during a job: which are retried, which affect one tenant or file only, and which end the job.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::DatabaseName;
use crate::domain::cause::chain;
use crate::retry::{Limit, Retry, Transient};
use crate::store::Store;
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
    #[error(
        "'{}' has the state of a verification of {covers}: run that again to resume, or remove the file to begin again",
        path.display()
    )]
    OtherSelection { path: PathBuf, covers: String },
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
            | Self::UnderHold(_)
            | Self::CursorRefused(_)
            | Self::NotIndexed
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

/// The error of a call about one tenant.
#[derive(Debug)]
pub(super) struct TenantError {
    pub(super) error: store::Error,
    /// The store works for others, so a job can continue with them.
    pub(super) affects_one_tenant: bool,
}

/// The pauses after failed calls about one tenant while the store responds. Short: every tenant of a damaged disk may
/// need them.
const TENANT_PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1600),
    Duration::from_millis(6400),
];

/// Retries a call about one tenant: while the store is unreachable, for up to two minutes, and a few times while it
/// responds. A database that cannot be opened or read does not pass as an outage of the whole store.
pub(super) async fn retry_tenant<T, F: Future<Output = Result<T, store::Error>>>(
    store: &dyn Store,
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, TenantError> {
    let mut pauses = TENANT_PAUSES.iter();
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let affects_one_tenant =
            !error.is_transient() || retry("reach the database", || store.ping()).await.is_ok();
        let pause = pauses.next().filter(|_| error.is_transient());
        match pause {
            Some(pause) if affects_one_tenant => {
                let seconds = pause.as_secs_f32();
                tracing::debug!("cannot {what}, retrying in {seconds} s: {}", chain(&error));
                tokio::time::sleep(*pause).await;
            }
            _ => {
                return Err(TenantError {
                    error,
                    affects_one_tenant,
                });
            }
        }
    }
}

impl fmt::Display for TenantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(&self.error))
    }
}
