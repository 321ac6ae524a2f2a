//! What every backend has to do, as plain functions that take an opener.
