//! How long events live: legal holds.

mod hold;

pub use hold::{Hold, Holds, MAX_HOLDS, Reason};
