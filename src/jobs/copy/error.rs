//! Errors that end a copy.

use std::fmt;

use crate::{objects, store};

/// The side that an error concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Source,
    Destination,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the source has no tenant called {}", quoted(.0))]
    UnknownTenants(Vec<String>),
    /// One sentence per tenant.
    #[error("nothing was copied: {}", .0.join("; "))]
    Conflicts(Vec<String>),
    #[error("cannot {what} at the {side}")]
    Store {
        side: Side,
        what: &'static str,
        source: store::Error,
    },
    #[error("cannot {what} at the {side}")]
    Objects {
        side: Side,
        what: &'static str,
        source: objects::Error,
    },
}

impl Error {
    pub(super) fn store(side: Side, what: &'static str, source: store::Error) -> Self {
        Self::Store { side, what, source }
    }

    pub(super) fn objects(side: Side, what: &'static str, source: objects::Error) -> Self {
        Self::Objects { side, what, source }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Destination => "destination",
        })
    }
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(", ")
}
