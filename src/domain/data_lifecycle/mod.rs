//! How long events live: retention and legal holds.

mod hold;
mod retention;

pub use hold::{Hold, Holds, MAX_HOLDS, Reason};
pub use retention::{
    AgeFrom, Cutoffs, Due, MAX_RETENTION_DAYS, MAX_RETENTION_RULES, RetentionPosition,
    RetentionRule, RetentionRules, RetentionStep,
};
