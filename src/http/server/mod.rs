//! The HTTP server: accepts connections within limits, in the clear or with TLS, closes those that stay idle or stall, evicts the longest idle one
//! for a new one, and passes each request to the router. It knows no route and imports no other part of `http`.

mod accept;
mod client_address;
mod connection_state;
mod connection_timeouts;
mod header_timer;
mod open_connections;
mod tls;
mod tracked_stream;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

pub use accept::serve;
pub use tls::{Tls, TlsError};

/// The gauge of connections to the API.
pub const CONNECTIONS: &str = "event_history_connections";
/// The gauge of connections to the administrative address.
pub const ADMIN_CONNECTIONS: &str = "event_history_admin_connections";

/// The operator's settings for connections.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The name of the gauge of open connections.
    pub gauge: &'static str,
    /// Connections open at once. Beyond that, a new one evicts the longest idle one.
    pub max_connections: usize,
    /// The limit for a connection between two requests.
    pub keep_alive_timeout: Duration,
    /// The limit for requests in flight to finish during shutdown.
    pub shutdown_timeout: Duration,
    /// The networks whose forwarding headers are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// `None`: connections are in the clear.
    pub tls: Option<Arc<Tls>>,
}

pub(super) fn describe_metrics() {
    metrics::describe_gauge!(CONNECTIONS, "Open connections");
    metrics::describe_gauge!(
        ADMIN_CONNECTIONS,
        "Open connections to the administrative address"
    );
    metrics::describe_counter!(
        "event_history_connections_closed_total",
        "Connections that the service closed, by reason: idle, slow_handshake, slow_head, stalled, evicted"
    );
    tls::describe_metrics();
}
