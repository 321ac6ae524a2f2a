//! How a setting names a backend.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A backend and where it is: `sqlite:<folder>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    Sqlite { folder: PathBuf },
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", "")) => {
                Err("'sqlite:' needs a folder, as in 'sqlite:./data'".to_owned())
            }
            Some(("sqlite", folder)) => Ok(Self::Sqlite {
                folder: folder.into(),
            }),
            _ => Err(format!("'{text}' is not of the form 'sqlite:<folder>'")),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { folder } => write!(f, "sqlite:{}", folder.display()),
        }
    }
}
