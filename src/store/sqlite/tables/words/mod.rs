//! Search: the index of the words of events, and the events that have the words of a query.

pub(in crate::store::sqlite) mod index;
pub(super) mod search;
#[cfg(test)]
mod search_tests;
