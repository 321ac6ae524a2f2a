//! Listening sockets.

use std::io;
use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted, if the system allows as many (`net.core.somaxconn`). With the 128 of
/// `TcpListener::bind`, half of 256 clients that reconnect at once wait for a second.
const BACKLOG: u32 = 4096;

/// Binds an address, and returns the listener with the address that it got. From here on connections are accepted, if
/// not answered yet.
pub(in crate::cli) fn listen(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listen = || {
        let listener = bind(address)?.listen(BACKLOG)?;
        let bound = listener.local_addr()?;
        Ok::<_, io::Error>((listener, bound))
    };
    listen().with_context(|| format!("cannot listen on {address}"))
}

/// Binds an address and releases it. Nobody can connect in between, and another process can bind it.
pub(in crate::cli) fn try_to_bind(address: SocketAddr) -> io::Result<()> {
    bind(address).map(drop)
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart need not wait until the kernel has forgotten the last process's connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
