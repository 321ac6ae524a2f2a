//! Legal holds.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{HoldId, Invalid};

/// The holds of a tenant, at most: every deletion compares events with all of them.
pub const MAX_HOLDS: usize = 1000;

/// The longest reason: a sentence or a file number, not a document.
const MAX_REASON_BYTES: usize = 1024;

/// A legal hold: until it is released, what it covers is neither deleted nor redacted, and its tenant is not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub id: HoldId,
    /// `None`: it covers all records of the tenant.
    pub record_id: Option<i64>,
    pub reason: Reason,
    pub created_at: Timestamp,
}

/// Why an administrator did something: a text for people, which is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reason(String);

impl Reason {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.trim().is_empty() {
            let message = "String should have at least 1 character";
            return Err(Invalid::new("string_too_short", message));
        }
        if text.len() > MAX_REASON_BYTES {
            let message = format!("String should have at most {MAX_REASON_BYTES} bytes");
            return Err(Invalid::new("string_too_long", message));
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes a reason that was parsed before it was stored.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The holds of one tenant, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holds(Vec<Hold>);

impl Holds {
    pub fn new(mut holds: Vec<Hold>) -> Self {
        holds.sort_unstable_by_key(|hold| (hold.created_at, hold.id));
        Self(holds)
    }

    pub fn as_slice(&self) -> &[Hold] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether a hold covers all records.
    pub fn cover_everything(&self) -> bool {
        self.0.iter().any(|hold| hold.record_id.is_none())
    }

    /// Tells whether a hold covers this record.
    pub fn cover(&self, record_id: i64) -> bool {
        let covers = |hold: &Hold| hold.record_id.is_none_or(|it| it == record_id);
        self.0.iter().any(covers)
    }

    /// Returns the records that have a hold of their own.
    pub fn records(&self) -> BTreeSet<i64> {
        self.0.iter().filter_map(|hold| hold.record_id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn a_reason_says_something() {
        assert_eq!(Reason::parse("Case 7").unwrap().as_str(), "Case 7");
        assert_eq!(Reason::parse(" \n").unwrap_err().kind, "string_too_short");
        let long = "é".repeat(513);
        assert_eq!(Reason::parse(&long).unwrap_err().kind, "string_too_long");
        Reason::parse(&long[2..]).unwrap();
    }
}
