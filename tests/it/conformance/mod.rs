//! The suites that every backend of a trait has to pass, as plain functions that take an open backend.

pub(crate) mod objects;
pub(crate) mod store;
