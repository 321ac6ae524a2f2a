//! A connection that ends when it has waited for the other side for too long, or has to give way.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::open::Place;
use super::state::{Phase, Standing};

/// How long a request's head may take from its first byte, and the first one from the connection's beginning:
/// this is what a slow-loris attack stretches.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the other side may take nothing of an answer. The socket is told to hold little that it has not
/// sent (see `server.rs`), so that a slow reader takes something every few seconds.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The future of a connection, and what watches over it.
pub(super) struct Supervised<C> {
    connection: Pin<Box<C>>,
    place: Place,
    keep_alive: Duration,
    /// One entry in the runtime's timer wheel, whose lock all connections share: it is moved when it fires
    /// before its time or has to fire earlier, and not with every request.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<C, E> Supervised<C>
where
    C: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    /// `keep_alive` is how long it may be idle between two requests.
    pub(super) fn new(connection: C, place: Place, keep_alive: Duration) -> Self {
        Self {
            connection: Box::pin(connection),
            place,
            keep_alive,
            timer: None,
        }
    }

    /// Returns when the connection ends if nothing happens, and how that is counted.
    fn deadline(&self, standing: Standing) -> Option<(Instant, &'static str)> {
        let (patience, reason) = match standing.phase {
            Phase::New | Phase::Head => (HEAD_TIMEOUT, "slow_head"),
            Phase::KeptAlive => (self.keep_alive, "idle"),
            Phase::Answer => (STALL_TIMEOUT, "stalled"),
            Phase::Body | Phase::Service => return None, // limited by what reads and answers the request
        };
        let since = self.place.state.instant(standing.since_ms);
        Some((since + patience, reason))
    }

    fn has_passed(&mut self, deadline: Instant, context: &mut Context<'_>) -> bool {
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(context).is_ready() {
            if timer.deadline() >= deadline {
                return true;
            }
            timer.as_mut().reset(deadline);
        }
        false
    }
}

impl<C, E> Future for Supervised<C>
where
    C: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.place.state.register(context);
        if let Poll::Ready(end) = self.connection.as_mut().poll(context) {
            if let Err(error) = end {
                tracing::debug!(%error, "connection failed");
            }
            return Poll::Ready(());
        }
        let standing = self.place.state.standing();
        if let Some(noticed) = self.place.state.take_notice() {
            // What has come since is not lost by giving way: the connection was polled after the notice.
            if noticed == standing {
                count_closed("evicted");
                return Poll::Ready(());
            }
            self.place.stays();
        }
        match self.deadline(standing) {
            Some((deadline, reason)) if self.has_passed(deadline, context) => {
                count_closed(reason);
                Poll::Ready(())
            }
            _ => Poll::Pending,
        }
    }
}

fn count_closed(reason: &'static str) {
    metrics::counter!("event_history_connections_closed_total", "reason" => reason).increment(1);
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::super::open::{Open, Place};
    use super::Supervised;

    const SECOND: Duration = Duration::from_secs(1);

    /// Returns how long a connection lasts after `happens`.
    async fn lasts(happens: impl Fn(&Place)) -> Duration {
        let open = Open::new(1);
        let place = open.take_place();
        place.state.awaits_head();
        happens(&place);
        let never = pending::<Result<(), Infallible>>();
        let start = Instant::now();
        Supervised::new(never, place, 75 * SECOND).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_has_its_own_limit() {
        assert_eq!(lasts(|_| {}).await.as_secs(), 30);
        assert_eq!(lasts(|place| place.state.received()).await.as_secs(), 30);
        let kept = |place: &Place| {
            place.state.has_head();
            place.state.awaits_head();
        };
        assert_eq!(lasts(kept).await.as_secs(), 75);
        let next = |place: &Place| {
            kept(place);
            place.state.received();
        };
        assert_eq!(lasts(next).await.as_secs(), 30);
        let stalled = |place: &Place| {
            kept(place);
            place.state.is_blocked();
        };
        assert_eq!(lasts(stalled).await.as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_answered_has_no_limit_here() {
        for waits_for_body in [false, true] {
            let busy = lasts(|place| {
                place.state.has_head();
                if waits_for_body {
                    place.state.wants_more();
                }
            });
            assert!(tokio::time::timeout(3600 * SECOND, busy).await.is_err());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_notice_ends_a_connection_that_still_waits() {
        let open = Open::new(1);
        let place = open.take_place();
        let standing = place.state.standing();
        assert!(open.give_notice(&place.state, standing));
        assert_eq!(open.occupied(), 0, "its place is another's already");
        let never = pending::<Result<(), Infallible>>();
        let start = Instant::now();
        Supervised::new(never, place, SECOND).await;
        assert_eq!((start.elapsed(), open.occupied()), (Duration::ZERO, 0));
    }
}
