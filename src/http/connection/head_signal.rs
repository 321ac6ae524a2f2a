//! Where hyper says that it waits for a request, and that one is there.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use super::state::State;

/// The timer of one connection. hyper asks it for a deadline when it begins to wait for a request's head,
/// and drops that once the head is there. The deadline itself is kept by [`super::supervised`], which knows
/// whether anything has come.
#[derive(Debug, Clone)]
pub(super) struct HeadSignal(pub(super) Arc<State>);

#[derive(Debug)]
struct Awaited(Arc<State>);

impl Timer for HeadSignal {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        self.0.awaits_head();
        Box::pin(Awaited(Arc::clone(&self.0)))
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(Duration::ZERO)
    }

    /// The runtime's clock, which tests may stop.
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }
}

impl Sleep for Awaited {}

impl Future for Awaited {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.has_head();
    }
}
