//! Every test that needs more than a function: one binary, through the socket of the real server.

mod api;
mod backup;
mod browser;
mod checks;
mod clickhouse;
mod client;
mod clients;
mod cluster;
mod command_line;
mod conformance;
mod connections;
mod copy;
mod crash;
mod credentials;
mod damage;
mod demo;
mod deploy;
mod document;
mod durability;
mod embedded;
mod eventbridge;
mod evidence;
mod failing_syncs;
mod faults;
mod feed;
mod files;
mod first_start;
mod isolation;
mod large_pages;
mod many_tenants;
mod presign;
mod readme;
mod records;
mod registry;
mod replicas;
mod samples;
mod settings;
mod store;
mod support;
mod tidy;
mod tls;
mod tools;
mod torture;

// The path in `samples`, which the unit tests of the library include as well.
use event_history::domain;
