//! Accepting connections, within limits, until told to stop.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::front::Front;
use super::gather::Gather;
use super::head_timer::HeadTimer;
use super::lanes::Lanes;

/// How many connections and how much patience there is.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections served at once; more wait in the listener's backlog.
    pub max_connections: usize,
    /// How long requests in flight may take to finish once the service is told to stop.
    pub shutdown_timeout: Duration,
}

/// How long a client may take to send a request's head, which is what a slow-loris attack stretches.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest request head: the longest documented query has some 500 ids of 36 characters.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// More headers than any client or proxy sends.
const MAX_HEADERS: usize = 100;

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
    let places = Arc::new(Semaphore::new(limits.max_connections));
    let connections = GracefulShutdown::new();
    let lanes = Lanes::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, place)) => {
                let connection = connections.watch(connection(stream, Arc::clone(&front)));
                lanes.spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "connection failed");
                    }
                    drop(place);
                });
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

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?; // an answer is one small write: waiting to fill a packet only delays it
    Ok((stream, place))
}

fn connection(
    stream: TcpStream,
    front: Arc<Front>,
) -> http1::Connection<
    TokioIo<Gather>,
    impl hyper::service::Service<
        Request<Incoming>,
        Response = axum::response::Response,
        Error = Infallible,
        Future: Send,
    >,
> {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let front = Arc::clone(&front);
        async move { Ok(front.answer(request).await) }
    });
    http1::Builder::new()
        .timer(HeadTimer::default())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(Gather(stream)), service)
}
