//! Who may do what, and how much: scopes, keys that have them, secrets of tenants, and limits; and the audit of who did what.

pub mod audit;
mod key;
mod scope;
mod tenant_secrets;
mod usage_limits;

pub use audit::{Act, ActKind, Actor, ActorKind};
pub use key::{KeyText, ListedKey, StoredKey};
pub use scope::{Requirement, Scope, Scopes};
pub use tenant_secrets::{PreviousSecret, TenantSecrets};
pub use usage_limits::{Limit, LimitedParty, UsageLimits};
