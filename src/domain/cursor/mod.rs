//! Cursors: positions in a tenant's history, as opaque texts that callers keep and pass on.

mod arrival;
mod page;
mod tenants;
mod text;

pub use arrival::{Cursor, FeedPosition};
pub use page::PageCursor;
pub use tenants::TenantCursor;

/// The life of one arrival order, chosen at random. It ends when the events are restored from a backup, or copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(pub i64);

/// The reason why a cursor is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorProblem {
    #[error("it is not a cursor that this service has returned")]
    Malformed,
    #[error("it is from another tenant or another deployment")]
    OtherTenant,
    #[error("it is from before the tenant's database was restored or copied")]
    Restored,
    #[error("it is a cursor of another endpoint")]
    OtherEndpoint,
    #[error("it is from a list in the other ordering")]
    OtherOrdering,
}
