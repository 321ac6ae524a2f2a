//! The accept loop, until shutdown.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::TryFutureExt;
use http::Request;
use http::header::{CONNECTION, HeaderValue};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::ServerOptions;
use super::client_address::TrustedProxies;
use super::connection_timeouts::TimedConnection;
use super::header_timer::HeaderTimer;
use super::open_connections::{ConnectionSlot, OpenConnections};
use super::tls::Tls;
use super::tracked_stream::TrackedStream;
use super::transport::Transport;
use crate::objects::{Capacity, RequestOrigin};

/// hyper only uses its timer if it has a limit for request heads. [`TimedConnection`] enforces the real limits.
const HEADER_TIMER_DURATION: Duration = Duration::from_secs(30);

/// The bytes of a request head that hyper buffers. It reads up to twice as much before it refuses one, so the middleware counts.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// More headers than any client or proxy sends.
const MAX_HEADERS: usize = 100;

/// The most unsent data that a socket buffers: half of it has to be sent before the socket takes more, which distinguishes a
/// slow reader from one that does not read at all. By default the kernel would buffer megabytes.
const UNSENT_BYTES: u32 = 256 * 1024;

/// The pause after the listener failed for lack of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` on `listener` until `shutdown` is ready, then finishes what is in flight.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) {
    let open = OpenConnections::new(options.max_connections);
    let server = Arc::new(Server {
        router,
        trusted_proxies: TrustedProxies(options.trusted_proxies),
        open: Arc::clone(&open),
        tls: options.tls,
    });
    let reloading = Arc::clone(&server);
    let mut reloading = std::pin::pin!(reloading.reload_certificate());
    let connections = GracefulShutdown::new();
    let gauge = metrics::gauge!(options.gauge);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            never = &mut reloading => match never {},
            accepted = accept(&listener, &open) => accepted,
        };
        match accepted {
            Ok(None) => {} // the client has left
            Ok(Some((stream, peer))) => {
                let slot = open.take_slot();
                gauge.set(f64::from(u32::try_from(open.taken()).unwrap_or(u32::MAX)));
                let connection = connection(stream, peer, &slot, Arc::clone(&server));
                let connection = connections.watch(connection);
                let keep_alive = options.keep_alive_timeout;
                tokio::spawn(TimedConnection::new(connection, slot, keep_alive));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let finished = tokio::time::timeout(options.shutdown_timeout, connections.shutdown());
    if finished.await.is_err() {
        tracing::warn!("some requests were still in flight at the end of the shutdown timeout");
    }
}

/// The parts of a server that all of its connections share.
struct Server {
    router: Router,
    trusted_proxies: TrustedProxies,
    open: Arc<OpenConnections>,
    tls: Option<Arc<Tls>>,
}

impl Server {
    /// Keeps the certificate up to date.
    async fn reload_certificate(&self) -> Infallible {
        match &self.tls {
            Some(tls) => tls.reload_on_change().await,
            None => std::future::pending().await,
        }
    }
}

/// Accepts a connection and waits for a slot; `None` if the client left meanwhile.
async fn accept(
    listener: &TcpListener,
    open: &OpenConnections,
) -> io::Result<Option<(TcpStream, SocketAddr)>> {
    let (stream, peer) = match listener.accept().await {
        Ok(accepted) => accepted,
        Err(error) if error.kind() == ErrorKind::ConnectionAborted => return Ok(None),
        Err(error) => return Err(error),
    };
    let set = stream
        .set_nodelay(true) // a response is one small write: waiting to fill a packet only delays it
        .and_then(|()| SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES));
    if set.is_err() {
        return Ok(None);
    }
    open.wait_for_slot().await;
    Ok(Some((stream, peer)))
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    slot: &ConnectionSlot,
    server: Arc<Server>,
) -> impl GracefulConnection<Error = hyper::Error> + Send + use<> {
    let stream = TrackedStream {
        socket: stream,
        state: Arc::clone(&slot.state),
    };
    let transport = Transport::new(stream, server.tls.as_deref());
    let service = service_fn(move |mut request: Request<Incoming>| {
        let capacity = server.open.capacity();
        let client = server.trusted_proxies.client(peer, request.headers());
        let origin = RequestOrigin { client, capacity };
        request.extensions_mut().insert(origin);
        let answer = server.router.clone().oneshot(request.map(Body::new));
        answer.map_ok(move |mut response| {
            if capacity == Capacity::Exhausted {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            response
        })
    });
    http1::Builder::new()
        // A client may close its half once it has sent a request (RFC 9112, section 9.6).
        .half_close(true)
        .timer(HeaderTimer(Arc::clone(&slot.state)))
        .header_read_timeout(HEADER_TIMER_DURATION)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(transport), service)
}
