//! Event History.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod objects;
pub mod service;
pub mod store;
pub mod telemetry;
