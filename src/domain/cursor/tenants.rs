//! The cursors of those who list tenants.

use std::fmt;

use super::{CursorProblem, text};
use crate::domain::DatabaseName;

/// The first byte of a cursor: none of those of other cursors.
const FORMAT: u8 = 3;

/// A place in the list of tenants: behind a name. Opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantCursor(pub DatabaseName);

impl TenantCursor {
    /// Parses what [`TenantCursor`] writes.
    pub fn parse(text: &str) -> Result<Self, CursorProblem> {
        let bytes = text::decode(text, FORMAT)?;
        let name = std::str::from_utf8(&bytes).ok();
        let name = name.and_then(|it| DatabaseName::parse(it).ok());
        name.map(Self).ok_or(CursorProblem::Malformed)
    }
}

/// Writes letters, digits, `-` and `_`: fit for a URL.
impl fmt::Display for TenantCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![FORMAT];
        bytes.extend(self.0.as_str().as_bytes());
        f.write_str(&text::encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::TenantCursor;
    use crate::domain::{CursorProblem, DatabaseName};

    #[test]
    fn a_cursor_is_what_it_was() {
        let cursor = TenantCursor(DatabaseName::parse("alx_demo").unwrap());
        assert_eq!(TenantCursor::parse(&cursor.to_string()), Ok(cursor));
        assert_eq!(
            TenantCursor::parse("alx_demo"),
            Err(CursorProblem::Malformed)
        );
    }
}
