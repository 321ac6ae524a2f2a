//! Ends a connection that has waited for its client for too long, or is to be evicted.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::connection_state::{Phase, Status};
use super::open_connections::ConnectionSlot;

/// The limit for a request's head, from its first byte; for the first one from the connection's beginning. A slow-loris
/// attack stretches this time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The limit for a TLS handshake, from the connection's beginning: two round trips and some computing on both sides.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The limit for a client that reads nothing of its response. The socket buffers little unsent data (`accept.rs`), so that even a
/// slow reader makes progress every few seconds.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The future of a connection, with its timeouts.
pub(super) struct TimedConnection<C> {
    connection: Pin<Box<C>>,
    slot: ConnectionSlot,
    keep_alive: Duration,
    timer: Pin<Box<Sleep>>,
}

impl<C, E> TimedConnection<C>
where
    C: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    /// `keep_alive` is the limit between two requests.
    pub(super) fn new(connection: C, slot: ConnectionSlot, keep_alive: Duration) -> Self {
        Self {
            connection: Box::pin(connection),
            slot,
            keep_alive,
            timer: Box::pin(tokio::time::sleep(HEAD_TIMEOUT)),
        }
    }

    /// Returns when the connection ends if nothing happens, and the reason that is counted then.
    fn deadline(&self, status: Status) -> Option<(Instant, &'static str)> {
        let (limit, reason) = match status.phase {
            Phase::Handshaking => (HANDSHAKE_TIMEOUT, "slow_handshake"),
            Phase::Connected | Phase::ReadingHead => (HEAD_TIMEOUT, "slow_head"),
            Phase::KeptAlive => (self.keep_alive, "idle"),
            Phase::WriteBlocked => (STALL_TIMEOUT, "stalled"),
            Phase::ReadingBody | Phase::Processing => return None, // the request has limits of its own
        };
        let since = self.slot.state.instant(status.since_ms);
        Some((since + limit, reason))
    }
}

impl<C, E> Future for TimedConnection<C>
where
    C: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.slot.state.register(context);
        if let Poll::Ready(end) = self.connection.as_mut().poll(context) {
            if let Err(error) = end {
                tracing::debug!(%error, "connection failed");
            }
            return Poll::Ready(());
        }
        let status = self.slot.state.status();
        if let Some(evicted_in) = self.slot.state.take_eviction() {
            // The connection was polled after the eviction, so bytes that came since have changed its status.
            if evicted_in == status {
                count_closed("evicted");
                return Poll::Ready(());
            }
            self.slot.reclaim();
        }
        let Some((deadline, reason)) = self.deadline(status) else {
            return Poll::Pending;
        };
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        ready!(self.timer.as_mut().poll(context));
        count_closed(reason);
        Poll::Ready(())
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

    use super::TimedConnection;
    use crate::http::server::open_connections::{ConnectionSlot, OpenConnections};

    const SECOND: Duration = Duration::from_secs(1);

    /// Returns how long a connection lasts after `happens`.
    async fn lasts(happens: impl Fn(&ConnectionSlot)) -> Duration {
        let open = OpenConnections::new(1);
        let slot = open.take_slot();
        slot.state.head_awaited();
        happens(&slot);
        let never = pending::<Result<(), Infallible>>();
        let start = Instant::now();
        TimedConnection::new(never, slot, 75 * SECOND).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_its_own_timeout() {
        assert_eq!(lasts(|_| {}).await.as_secs(), 30);
        assert_eq!(lasts(|slot| slot.state.received()).await.as_secs(), 30);
        let handshaking = |slot: &ConnectionSlot| slot.state.handshake_began();
        assert_eq!(lasts(handshaking).await.as_secs(), 10);
        let kept = |slot: &ConnectionSlot| {
            slot.state.head_complete();
            slot.state.head_awaited();
        };
        assert_eq!(lasts(kept).await.as_secs(), 75);
        let next = |slot: &ConnectionSlot| {
            kept(slot);
            slot.state.received();
        };
        assert_eq!(lasts(next).await.as_secs(), 30);
        let stalled = |slot: &ConnectionSlot| {
            kept(slot);
            slot.state.write_blocked();
        };
        assert_eq!(lasts(stalled).await.as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_progress_has_no_timeout_here() {
        for waits_for_body in [false, true] {
            let busy = lasts(|slot| {
                slot.state.head_complete();
                if waits_for_body {
                    slot.state.read_blocked();
                }
            });
            assert!(tokio::time::timeout(3600 * SECOND, busy).await.is_err());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_eviction_ends_a_connection_that_is_still_idle() {
        let open = OpenConnections::new(1);
        let slot = open.take_slot();
        let status = slot.state.status();
        assert!(open.evict(&slot.state, status));
        assert_eq!(open.taken(), 0, "its slot is free at once");
        let never = pending::<Result<(), Infallible>>();
        let start = Instant::now();
        TimedConnection::new(never, slot, SECOND).await;
        assert_eq!((start.elapsed(), open.taken()), (Duration::ZERO, 0));
    }
}
