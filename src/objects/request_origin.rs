//! The facts about a request that the HTTP server knows and the embedded endpoint decides by.

use std::net::IpAddr;

/// Where a request came from: an extension of the request.
#[derive(Debug, Clone, Copy)]
pub struct RequestOrigin {
    /// The client's address, as far as the proxies in front are trusted.
    pub client: IpAddr,
    pub capacity: Capacity,
}

/// The number of further connections that the server can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    Ample,
    /// Connections that are of no further use should be closed.
    Scarce,
    /// The limit is exceeded: long transfers are refused.
    Exhausted,
}

/// The number of requests that the embedded endpoint answers at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferLimits {
    pub total: usize,
    pub per_client: usize,
}
