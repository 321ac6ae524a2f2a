//! Who may do what: scopes, keys that have them, and secrets of tenants.

mod key;
mod scope;
mod tenant_secrets;

pub use key::{KeyText, ListedKey, StoredKey};
pub use scope::{Requirement, Scope, Scopes};
pub use tenant_secrets::{PreviousSecret, TenantSecrets};
