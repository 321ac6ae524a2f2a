//! Every test that needs more than a function: one binary, through the socket of the real server.

mod api;
mod browser;
mod checks;
mod clickhouse;
mod client;
mod clients;
mod copy;
mod crash;
mod credentials;
mod demo;
mod deploy;
mod durability;
mod embedded;
mod eventbridge;
mod evidence;
mod faults;
mod files;
mod isolation;
mod many_tenants;
mod presign;
mod replicas;
mod settings;
mod store;
mod support;
mod tidy;
mod tools;
