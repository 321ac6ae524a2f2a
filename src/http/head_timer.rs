//! The timer that hyper gives each request's head.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hyper::rt::{Sleep, Timer};

/// The timer of one connection. hyper asks for a new deadline at each request and drops it once the
/// head is there; this keeps one entry in the runtime's timer wheel, whose lock all connections share,
/// and moves it only when it fires before its time.
#[derive(Debug, Clone, Default)]
pub(super) struct HeadTimer(Kept);

type Kept = Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>;

#[derive(Debug)]
struct Deadline {
    at: Instant,
    kept: Kept,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: std::time::Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn Sleep>> {
        let kept = Arc::clone(&self.0);
        Box::pin(Deadline { at, kept })
    }

    /// The runtime's clock, which tests may stop.
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }
}

impl Sleep for Deadline {}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let at = self.at.into();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let sleep = kept.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        loop {
            if sleep.deadline() > at {
                sleep.as_mut().reset(at);
            }
            ready!(sleep.as_mut().poll(context));
            if sleep.deadline() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::rt::Timer;
    use tokio::time::{Instant, timeout};

    use super::HeadTimer;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_holds_whatever_was_asked_for_before() {
        let timer = HeadTimer::default();
        let start = Instant::now();
        let second = Duration::from_secs(1);
        for after in [30, 60, 45] {
            // Given up, as hyper does once the head is there.
            let first = timer.sleep_until((start + second * after).into());
            assert!(timeout(second, first).await.is_err());
        }
        let last = timer.sleep_until((start + second * 70).into());
        last.await;
        assert_eq!(start.elapsed(), second * 70);
        timer.sleep(second).await;
        assert_eq!(start.elapsed(), second * 71);
        timer.sleep_until(start.into()).await;
        assert_eq!(start.elapsed(), second * 71, "a time that has passed");
    }
}
