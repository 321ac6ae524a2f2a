//! Events: many are sent at once, and the history is read. `event_reader.rs` takes texts apart into events, `event_text.rs`
//! adds what an event lacks, `batch.rs` sends, `reading.rs` reads, and `export.rs` writes files.

mod batch;
mod event_reader;
mod event_text;
mod export;
mod reading;
mod record_boundaries;

pub use batch::{Batch, BatchAnswer, EventProblem, EventResult, Outcome};
pub use event_reader::{EventReader, InputError, InputEvent};
pub use event_text::{Completed, complete};
pub use export::{Export, ExportProgress};
pub use reading::{EventsPage, FeedPage, HistoryEvent, Parameters, Walk};
pub use record_boundaries::TextFormat;
