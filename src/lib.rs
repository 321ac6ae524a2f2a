#![doc = include_str!("../ARCHITECTURE.md")]

// In reading order, from what the service is about to how it is started.
pub mod domain;

pub mod write_health;

pub mod service;

pub mod store;

pub mod objects;

pub mod retry;

pub mod presigned_requests;

pub mod durable_file;

pub mod jobs;

pub mod client;

pub mod http;

pub mod app;

pub mod config;

pub mod telemetry;

pub mod cli;
