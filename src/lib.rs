//! Event History.

pub mod domain;
pub mod objects;
pub mod store;
