//! What a connection waits for, and since when.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// What a connection waits for, in the order in which connections give way to a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Its first request: not a byte has come.
    New,
    /// The next request: not a byte of it has come.
    KeptAlive,
    /// The rest of a request's head.
    Head,
    /// Room for an answer: the other side does not read.
    Answer,
    /// The rest of a request's body.
    Body,
    /// The service itself.
    Service,
}

/// What a connection waits for, and since when: two that are equal mean that nothing has happened between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    pub(super) phase: Phase,
    /// In milliseconds of the connection's clock.
    pub(super) since_ms: u64,
}

/// The state of one connection, written by the task that serves it and read by the one that accepts others.
#[derive(Debug)]
pub(super) struct State {
    /// Where the clocks of all connections of a server begin.
    epoch: Instant,
    /// What it waits for while the other side takes what is sent: a phase in the highest byte, and since when.
    reading: AtomicU64,
    /// Since when nothing could be sent; 0: something can.
    blocked_since_ms: AtomicU64,
    served_one: AtomicBool,
    /// The standing in which it has to end; 0: it may stay.
    notice: AtomicU64,
    /// Whether its place is another's already.
    is_leaving: AtomicBool,
    waker: AtomicWaker,
}

const PHASE_SHIFT: u32 = 56;

impl Standing {
    fn pack(self) -> u64 {
        ((self.phase as u64) << PHASE_SHIFT) | self.since_ms
    }

    fn unpack(packed: u64) -> Self {
        let phase = match packed >> PHASE_SHIFT {
            0 => Phase::New,
            1 => Phase::KeptAlive,
            2 => Phase::Head,
            3 => Phase::Answer,
            4 => Phase::Body,
            _ => Phase::Service,
        };
        let since_ms = packed & ((1 << PHASE_SHIFT) - 1);
        Self { phase, since_ms }
    }
}

impl State {
    pub(super) fn new(epoch: Instant) -> Self {
        let state = Self {
            epoch,
            reading: AtomicU64::new(0),
            blocked_since_ms: AtomicU64::new(0),
            served_one: AtomicBool::new(false),
            notice: AtomicU64::new(0),
            is_leaving: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        };
        state.read_in(Phase::New);
        state
    }

    pub(super) fn standing(&self) -> Standing {
        match self.blocked_since_ms.load(Ordering::Relaxed) {
            0 => Standing::unpack(self.reading.load(Ordering::Relaxed)),
            since_ms => Standing {
                phase: Phase::Answer,
                since_ms,
            },
        }
    }

    /// Returns the time on the connection's clock; never 0.
    pub(super) fn now_ms(&self) -> u64 {
        let ms = self.epoch.elapsed().as_millis();
        u64::try_from(ms).unwrap_or(u64::MAX >> 8) + 1
    }

    /// Returns when the connection's clock shows this.
    pub(super) fn instant(&self, ms: u64) -> Instant {
        self.epoch + std::time::Duration::from_millis(ms - 1)
    }

    /// Notes that a request's head is awaited.
    pub(super) fn awaits_head(&self) {
        let is_first = !self.served_one.load(Ordering::Relaxed);
        self.read_in(if is_first {
            Phase::New
        } else {
            Phase::KeptAlive
        });
    }

    /// Notes that a request's head is there.
    pub(super) fn has_head(&self) {
        self.served_one.store(true, Ordering::Relaxed);
        self.read_in(Phase::Service);
    }

    /// Notes that something came.
    pub(super) fn received(&self) {
        let Standing { phase, since_ms } = Standing::unpack(self.reading.load(Ordering::Relaxed));
        match phase {
            // The time for the first head is counted from the connection's beginning.
            Phase::New => self.read_since(Phase::Head, since_ms),
            Phase::KeptAlive => self.read_in(Phase::Head),
            Phase::Body => self.read_in(Phase::Service),
            Phase::Head | Phase::Answer | Phase::Service => {}
        }
    }

    /// Notes that something would be read and nothing is there.
    pub(super) fn wants_more(&self) {
        let standing = Standing::unpack(self.reading.load(Ordering::Relaxed));
        if standing.phase == Phase::Service {
            self.read_in(Phase::Body);
        }
    }

    /// Notes that the other side took something.
    pub(super) fn sent(&self) {
        if self.blocked_since_ms.load(Ordering::Relaxed) != 0 {
            self.blocked_since_ms.store(0, Ordering::Relaxed);
        }
    }

    /// Notes that something could not be sent.
    pub(super) fn is_blocked(&self) {
        if self.blocked_since_ms.load(Ordering::Relaxed) == 0 {
            self.blocked_since_ms
                .store(self.now_ms(), Ordering::Relaxed);
        }
    }

    /// Tells the connection to end, unless it has moved on from this standing or was told. Returns whether
    /// it is told now.
    pub(super) fn give_notice(&self, standing: Standing) -> bool {
        if self.standing() != standing || self.is_leaving.swap(true, Ordering::Relaxed) {
            return false;
        }
        self.notice.store(standing.pack(), Ordering::Release);
        self.waker.wake();
        true
    }

    /// Returns the standing in which the connection was told to end, once.
    pub(super) fn take_notice(&self) -> Option<Standing> {
        match self.notice.load(Ordering::Acquire) {
            0 => None,
            packed => {
                self.notice.store(0, Ordering::Relaxed);
                Some(Standing::unpack(packed))
            }
        }
    }

    /// Returns whether the connection was told to end, and lets it stay.
    pub(super) fn forget_notice(&self) -> bool {
        self.is_leaving.swap(false, Ordering::Relaxed)
    }

    /// Makes the task that polls the connection the one that is woken when it has to end.
    pub(super) fn register(&self, context: &std::task::Context<'_>) {
        self.waker.register(context.waker());
    }

    fn read_in(&self, phase: Phase) {
        self.read_since(phase, self.now_ms());
    }

    fn read_since(&self, phase: Phase, since_ms: u64) {
        let standing = Standing { phase, since_ms };
        self.reading.store(standing.pack(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::{Phase, State};

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_what_it_waits_for() {
        let state = State::new(Instant::now());
        let standing = || (state.standing().phase, state.standing().since_ms / 1000);
        state.awaits_head();
        assert_eq!(standing(), (Phase::New, 0));
        advance(SECOND).await;
        state.received();
        assert_eq!(standing(), (Phase::Head, 0), "counted from its beginning");
        state.has_head();
        assert_eq!(standing(), (Phase::Service, 1));
        advance(SECOND).await;
        state.wants_more();
        state.wants_more();
        assert_eq!(standing(), (Phase::Body, 2));
        advance(SECOND).await;
        state.received();
        assert_eq!(standing().0, Phase::Service);
        state.is_blocked();
        advance(SECOND).await;
        state.is_blocked();
        // The end of an answer may still be on its way when the next request is awaited.
        state.awaits_head();
        assert_eq!(standing(), (Phase::Answer, 3));
        state.sent();
        assert_eq!(standing(), (Phase::KeptAlive, 4));
        advance(SECOND).await;
        state.received();
        assert_eq!(standing(), (Phase::Head, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_notice_counts_for_one_standing() {
        let state = State::new(Instant::now());
        let before = state.standing();
        assert_eq!(state.take_notice(), None);
        assert!(state.give_notice(before));
        assert_eq!(state.take_notice(), Some(before));
        assert_eq!(state.take_notice(), None);
        assert!(!state.give_notice(before), "it was told");
        assert!(state.forget_notice());
        state.received();
        assert!(!state.give_notice(before), "it has moved on");
    }
}
