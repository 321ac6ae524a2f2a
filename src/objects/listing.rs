//! What lies in a storage, a page at a time.

use super::ObjectInfo;
use crate::domain::ObjectKey;

/// A page of a storage's objects. It may be empty, and there may be more behind it all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    pub objects: Vec<ListedObject>,
    /// The names of what is no file of a tenant's.
    pub unknown_keys: Vec<String>,
    /// What cannot be read, each with the reason.
    pub damaged: Vec<String>,
    /// The mark to go on behind; `None` at the end.
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    pub key: ObjectKey,
    pub info: ObjectInfo,
}
