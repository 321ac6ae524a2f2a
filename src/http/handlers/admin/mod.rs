//! What administrators do: keys.

pub(crate) mod keys;
