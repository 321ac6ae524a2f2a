//! The location of a backend in the settings.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::clickhouse::Address;

/// A backend and its place: `sqlite:<folder>`, or `clickhouse://user:password@host:8123`
/// (`clickhouses://` for TLS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    Sqlite { folder: PathBuf },
    ClickHouse(Address),
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
            Some(("clickhouse" | "clickhouses", _)) => text.parse().map(Self::ClickHouse),
            _ => Err(format!(
                "'{text}' is not of the form 'sqlite:<folder>' or 'clickhouse://user:password@host:8123'"
            )),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { folder } => write!(f, "sqlite:{}", folder.display()),
            Self::ClickHouse(address) => address.fmt(f),
        }
    }
}
