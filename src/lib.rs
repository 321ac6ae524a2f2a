//! Event History.

pub mod domain;
pub mod http;
pub mod objects;
pub mod service;
pub mod store;
