//! How a request for the embedded storage came in, by whoever accepted it.

use std::net::IpAddr;

/// What is known of a request beside the request itself: an extension of it.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Who sent it, as far as the proxies in front are trusted.
    pub client: IpAddr,
    pub room: Room,
}

/// How many more connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Plenty,
    /// Nobody should keep a connection that is of no use.
    Scarce,
    /// There are more than there should be: what takes long has to come again later.
    None,
}

/// How many requests the embedded endpoint answers at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferLimits {
    pub at_once: usize,
    /// From one client.
    pub by_client: usize,
}
