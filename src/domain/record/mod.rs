//! A record as its events tell it: a replay of what the record view understands of their data.
//!
//! Events apply in the order of their event time; those of one instant in the order in which they were received, and
//! those received at the same moment in the order of their ids. Imports go from `replay` to `diff`, `state`, `entries`,
//! `items` and `summary`, in this order.

mod diff;
mod entries;
mod items;
mod replay;
mod state;
mod summary;

pub use diff::{Change, FieldChange, PersonChange, PersonChangeKind, RecordDiff};
pub use items::PersonId;
pub use replay::{RecordReplay, ReplayError};
pub use state::{Document, Field, RecordState};
pub use summary::EventSummary;
