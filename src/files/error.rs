//! What stops a sweep or a verification.

use std::path::PathBuf;

use crate::domain::DatabaseName;
use crate::{objects, store};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no tenant called '{0}'")]
    UnknownTenant(DatabaseName),
    /// Every file would count as nobody's: much more likely it is not the database that they belong to.
    #[error("the database has no tenants, so which files are nobody's cannot be told")]
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

/// Tells whether the other tenants may be as well as ever.
pub(super) fn is_of_one_tenant(error: &store::Error) -> bool {
    match error {
        store::Error::DatabaseMissing(_)
        | store::Error::EntryMissing(_)
        | store::Error::Damaged(_) => true,
        store::Error::Busy | store::Error::Unavailable(_) => false,
    }
}
