//! The thread of TLS handshakes.
//!
//! A handshake costs its server a signature, up to some milliseconds with a large RSA key, and its client next to nothing.
//! On the threads that answer requests, clients that only ever begin one would delay everybody. Here they delay other new
//! connections at most.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ServerConfig;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::http::server::tracked_stream::TrackedStream;

pub(super) const HANDSHAKES: &str = "event_history_tls_handshakes_total";

/// The niceness that the thread adds to that of the process: twice that of writers, so that neither requests nor commits wait
/// for a flood of handshakes.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// A connection whose handshake is complete.
pub(in crate::http::server) type SecureStream = TlsStream<TrackedStream>;

/// A handshake under way. Dropping it ends it, and with it the connection.
#[derive(Debug)]
pub(in crate::http::server) struct Handshake(JoinHandle<io::Result<SecureStream>>);

#[derive(Debug)]
pub(super) struct Handshakes {
    /// `None` once it is being dropped.
    runtime: Option<Runtime>,
}

impl Handshakes {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("tls-handshakes")
            .on_thread_start(lower_priority)
            .build()?;
        Ok(Self {
            runtime: Some(runtime),
        })
    }

    /// Begins a handshake. Its time is limited by the phase of the connection.
    pub(super) fn begin(&self, config: Arc<ServerConfig>, stream: TrackedStream) -> Handshake {
        let runtime = self.runtime.as_ref().expect("it is there until the drop");
        Handshake(runtime.spawn(async move {
            let accepted = TlsAcceptor::from(config).accept(stream).await;
            let result = if accepted.is_ok() {
                "completed"
            } else {
                "failed"
            };
            metrics::counter!(HANDSHAKES, "result" => result).increment(1);
            accepted
        }))
    }
}

impl Future for Handshake {
    type Output = io::Result<SecureStream>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let finished = ready!(Pin::new(&mut self.0).poll(context));
        // An error is a panic, or the end of the service.
        Poll::Ready(finished.map_err(io::Error::other).flatten())
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        // A runtime waits for its threads when it is dropped, which another runtime's thread must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Source: setpriority(2), "C library/kernel differences": on Linux each thread has a nice value of its own.
#[cfg(target_os = "linux")]
fn lower_priority() {
    use rustix::process::{getpriority_process, setpriority_process};

    let ours = getpriority_process(None);
    let lowered = ours.and_then(|nice| setpriority_process(None, nice + NICENESS));
    if let Err(error) = lowered {
        tracing::debug!(%error, "the thread of handshakes keeps its priority");
    }
}

/// Elsewhere it would be the priority of the whole process.
#[cfg(not(target_os = "linux"))]
const fn lower_priority() {}
