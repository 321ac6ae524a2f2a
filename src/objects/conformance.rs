//! What every storage has to do, as plain functions that take an open one.
