//! What every run over whole histories and storages has: patience with a backend that is away, a walk
//! through the events in bounded memory, and figures of how far it has come.

mod progress;
mod retry;
mod walk;

pub use progress::{Phase, Progress, Snapshot};
pub use retry::{Passing, patiently};
pub use walk::{Batch, MAX_SCAN_EVENTS, Walk};
