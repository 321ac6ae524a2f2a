//! Connections: how many there are, what each waits for, and which of them gives way to a new one.

mod client_address;
mod head_signal;
mod open;
mod server;
mod state;
mod stream;
mod supervised;

pub(super) use client_address::TrustedProxies;
pub use server::{Limits, serve};

use std::net::SocketAddr;

use crate::objects::Capacity;

/// How a request reached us.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// The other end of the connection, which may be a proxy.
    pub(super) peer: SocketAddr,
    pub(super) capacity: Capacity,
}

/// Describes the figures that this module keeps.
pub(super) fn describe_metrics() {
    metrics::describe_gauge!("event_history_connections", "Open connections");
    metrics::describe_counter!(
        "event_history_connections_closed_total",
        "Connections that the service closed by itself, by reason: idle, slow_head, stalled, evicted"
    );
}
