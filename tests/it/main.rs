//! Every test that needs more than a function: one binary, through the socket of the real server.

mod api;
mod checks;
mod clients;
mod copy;
mod crash;
mod credentials;
mod demo;
mod embedded;
mod isolation;
mod many_tenants;
mod presign;
mod settings;
mod store;
mod support;
mod tidy;
