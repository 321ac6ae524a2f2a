//! Accepting connections, within limits, until told to stop.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http::header::{CONNECTION, HeaderValue};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use super::super::front::Front;
use super::super::lanes::Lanes;
use super::Origin;
use super::head_signal::HeadSignal;
use super::open::{Open, Place};
use super::stream::Stream;
use super::supervised::Supervised;
use crate::objects::Capacity;

/// How many connections and how much patience there is.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections open at once. Of more, the longest idle one gives way to a new one.
    pub max_connections: usize,
    /// How long a connection may be idle between two requests.
    pub keep_alive_timeout: Duration,
    /// How long requests in flight may take to finish once the service is told to stop.
    pub shutdown_timeout: Duration,
}

/// hyper has to have a limit for a head, to tell us when it begins to wait for one and when that is there.
/// The limits themselves are those of [`Supervised`].
const HEAD_SIGNAL: Duration = Duration::from_secs(30);

/// The largest request head: the longest documented query has some 500 ids of 36 characters.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// More headers than any client or proxy sends.
const MAX_HEADERS: usize = 100;

/// What a socket holds of an answer beside what is on its way: half of it has to go before the socket takes
/// more, which tells a slow reader from one that does not read at all. Megabytes, as the kernel would hold
/// for a fast one, take too long for that.
const UNSENT_BYTES: u32 = 256 * 1024;

/// How long to wait after the listener failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `front` (or a router alone) on `listener` until `shutdown` is ready, then finishes what is in
/// flight.
pub async fn serve(
    listener: TcpListener,
    front: impl Into<Front>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let front = Arc::new(front.into());
    let open = Open::new(limits.max_connections);
    let connections = GracefulShutdown::new();
    let lanes = Lanes::new();
    let gauge = metrics::gauge!("event_history_connections");
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &open) => accepted,
        };
        match accepted {
            Ok(None) => {} // it is gone already
            Ok(Some((stream, peer))) => {
                let place = open.take_place();
                gauge.set(f64::from(
                    u32::try_from(open.occupied()).unwrap_or(u32::MAX),
                ));
                let connection = connection(stream, peer, &place, &open, Arc::clone(&front));
                let connection = connections.watch(connection);
                lanes.spawn(Supervised::new(
                    connection,
                    place,
                    limits.keep_alive_timeout,
                ));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(limits.shutdown_timeout, connections.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were still in flight when the time to shut down was over");
    }
}

/// Accepts a connection, and returns it once there is room for it; `None`: its other side has left.
async fn accept(
    listener: &TcpListener,
    open: &Open,
) -> io::Result<Option<(TcpStream, SocketAddr)>> {
    let (stream, peer) = match listener.accept().await {
        Ok(accepted) => accepted,
        Err(error) if error.kind() == ErrorKind::ConnectionAborted => return Ok(None),
        Err(error) => return Err(error),
    };
    let set = stream
        .set_nodelay(true) // an answer is one small write: waiting to fill a packet only delays it
        .and_then(|()| SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES));
    if set.is_err() {
        return Ok(None);
    }
    open.wait_for_room().await;
    Ok(Some((stream, peer)))
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    place: &Place,
    open: &Arc<Open>,
    front: Arc<Front>,
) -> http1::Connection<
    TokioIo<Stream>,
    impl hyper::service::Service<
        Request<Incoming>,
        Response = axum::response::Response,
        Error = Infallible,
        Future: Send,
    > + use<>,
> {
    let open = Arc::clone(open);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let front = Arc::clone(&front);
        let capacity = open.capacity();
        async move {
            let mut response = front.answer(request, Origin { peer, capacity }).await;
            if capacity == Capacity::Exhausted {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok(response)
        }
    });
    let stream = Stream {
        socket: stream,
        state: Arc::clone(&place.state),
    };
    http1::Builder::new()
        // A client may close its half once it has sent a request (RFC 9112, section 9.6).
        .half_close(true)
        .timer(HeadSignal(Arc::clone(&place.state)))
        .header_read_timeout(HEAD_SIGNAL)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
}
