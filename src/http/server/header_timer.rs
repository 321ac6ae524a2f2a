//! The timer given to hyper, which shows when a request's head is awaited and when it is complete.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use super::connection_state::ConnectionState;

/// The timer of one connection. hyper asks it for a deadline when it begins to wait for a request's head,
/// and drops that once the head is complete. The deadline itself never fires: [`super::connection_timeouts`]
/// enforces one, and knows whether any byte has come.
#[derive(Debug, Clone)]
pub(super) struct HeaderTimer(pub(super) Arc<ConnectionState>);

#[derive(Debug)]
struct AwaitedHead(Arc<ConnectionState>);

impl Timer for HeaderTimer {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        self.0.head_awaited();
        Box::pin(AwaitedHead(Arc::clone(&self.0)))
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(Duration::ZERO)
    }

    /// The runtime's clock, which tests may stop.
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }
}

impl Sleep for AwaitedHead {}

impl Future for AwaitedHead {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Drop for AwaitedHead {
    fn drop(&mut self) {
        self.0.head_complete();
    }
}
