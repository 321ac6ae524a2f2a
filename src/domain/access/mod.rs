//! Who may do what: scopes, and keys that have them.

mod key;
mod scope;

pub use key::{KeyText, ListedKey, StoredKey};
pub use scope::{Requirement, Scope, Scopes};
