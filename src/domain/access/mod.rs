//! Who may do what: scopes, keys that have them, and secrets of tenants; and the audit of who did what.

pub mod audit;
mod key;
mod scope;
mod tenant_secrets;

pub use audit::{Act, ActKind, Actor, ActorKind};
pub use key::{KeyText, ListedKey, StoredKey};
pub use scope::{Requirement, Scope, Scopes};
pub use tenant_secrets::{PreviousSecret, TenantSecrets};
