//! The phase that a connection is in, and since when.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// A connection's phase, in the order in which connections are evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// The TLS handshake is not complete.
    Handshaking,
    /// Not a byte of the first request has come.
    Connected,
    /// Not a byte of the next request has come.
    KeptAlive,
    /// The rest of a request's head is awaited.
    ReadingHead,
    /// The client does not read its response.
    WriteBlocked,
    /// The rest of a request's body is awaited.
    ReadingBody,
    /// The service is at work on a request.
    Processing,
}

/// A phase and its beginning: two equal values mean that nothing has happened in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Status {
    pub(super) phase: Phase,
    /// In milliseconds of the connection's clock.
    pub(super) since_ms: u64,
}

/// The state of one connection, written by the task that serves it and read by the accept loop.
#[derive(Debug)]
pub(super) struct ConnectionState {
    /// The start of the clock that all connections of a server share.
    epoch: Instant,
    /// The status as long as nothing blocks a write, packed: the phase in the highest byte.
    reading: AtomicU64,
    /// Since when writes block; 0: they don't.
    blocked_since_ms: AtomicU64,
    served_one: AtomicBool,
    handshaking: AtomicBool,
    /// The status in which the connection is to be evicted; 0: it may stay.
    eviction: AtomicU64,
    /// Set once an eviction has released its slot.
    slot_released: AtomicBool,
    waker: AtomicWaker,
}

const PHASE_SHIFT: u32 = 56;

impl Status {
    fn pack(self) -> u64 {
        ((self.phase as u64) << PHASE_SHIFT) | self.since_ms
    }

    fn unpack(packed: u64) -> Self {
        let phase = match packed >> PHASE_SHIFT {
            0 => Phase::Handshaking,
            1 => Phase::Connected,
            2 => Phase::KeptAlive,
            3 => Phase::ReadingHead,
            4 => Phase::WriteBlocked,
            5 => Phase::ReadingBody,
            _ => Phase::Processing,
        };
        let since_ms = packed & ((1 << PHASE_SHIFT) - 1);
        Self { phase, since_ms }
    }
}

impl ConnectionState {
    pub(super) fn new(epoch: Instant) -> Self {
        let state = Self {
            epoch,
            reading: AtomicU64::new(0),
            blocked_since_ms: AtomicU64::new(0),
            served_one: AtomicBool::new(false),
            handshaking: AtomicBool::new(false),
            eviction: AtomicU64::new(0),
            slot_released: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        };
        state.enter(Phase::Connected);
        state
    }

    pub(super) fn status(&self) -> Status {
        if self.handshaking.load(Ordering::Relaxed) {
            // Its bytes change the phase, but not the time since the connection's beginning.
            let Status { since_ms, .. } = Status::unpack(self.reading.load(Ordering::Relaxed));
            let phase = Phase::Handshaking;
            return Status { phase, since_ms };
        }
        match self.blocked_since_ms.load(Ordering::Relaxed) {
            0 => Status::unpack(self.reading.load(Ordering::Relaxed)),
            since_ms => Status {
                phase: Phase::WriteBlocked,
                since_ms,
            },
        }
    }

    /// Returns the time on the connection's clock; never 0.
    pub(super) fn now_ms(&self) -> u64 {
        let ms = self.epoch.elapsed().as_millis();
        u64::try_from(ms).unwrap_or(u64::MAX >> 8) + 1
    }

    /// Returns when the connection's clock shows `ms`.
    pub(super) fn instant(&self, ms: u64) -> Instant {
        self.epoch + std::time::Duration::from_millis(ms - 1)
    }

    /// Notes that nothing but a TLS handshake happens from here on.
    pub(super) fn handshake_began(&self) {
        self.handshaking.store(true, Ordering::Relaxed);
    }

    /// Notes that a TLS handshake is complete. The time for the first head begins.
    pub(super) fn handshake_ended(&self) {
        self.blocked_since_ms.store(0, Ordering::Relaxed);
        self.enter(Phase::Connected);
        self.handshaking.store(false, Ordering::Relaxed);
    }

    /// Notes that a request's head is awaited.
    pub(super) fn head_awaited(&self) {
        let is_first = !self.served_one.load(Ordering::Relaxed);
        self.enter(if is_first {
            Phase::Connected
        } else {
            Phase::KeptAlive
        });
    }

    /// Notes that a request's head is complete.
    pub(super) fn head_complete(&self) {
        self.served_one.store(true, Ordering::Relaxed);
        self.enter(Phase::Processing);
    }

    /// Notes that bytes came.
    pub(super) fn received(&self) {
        let Status { phase, since_ms } = Status::unpack(self.reading.load(Ordering::Relaxed));
        match phase {
            // The time for the first head is counted from the connection's beginning.
            Phase::Connected => self.enter_since(Phase::ReadingHead, since_ms),
            Phase::KeptAlive => self.enter(Phase::ReadingHead),
            Phase::ReadingBody => self.enter(Phase::Processing),
            Phase::Handshaking | Phase::ReadingHead | Phase::WriteBlocked | Phase::Processing => {}
        }
    }

    /// Notes that a read found nothing.
    pub(super) fn read_blocked(&self) {
        let status = Status::unpack(self.reading.load(Ordering::Relaxed));
        if status.phase == Phase::Processing {
            self.enter(Phase::ReadingBody);
        }
    }

    /// Notes that bytes were sent.
    pub(super) fn sent(&self) {
        if self.blocked_since_ms.load(Ordering::Relaxed) != 0 {
            self.blocked_since_ms.store(0, Ordering::Relaxed);
        }
    }

    /// Notes that a write could send nothing.
    pub(super) fn write_blocked(&self) {
        if self.blocked_since_ms.load(Ordering::Relaxed) == 0 {
            self.blocked_since_ms
                .store(self.now_ms(), Ordering::Relaxed);
        }
    }

    /// Asks the connection to end, unless it has left `status` or was asked before. Returns whether it was asked now.
    pub(super) fn request_eviction(&self, status: Status) -> bool {
        if self.status() != status || self.slot_released.swap(true, Ordering::Relaxed) {
            return false;
        }
        self.eviction.store(status.pack(), Ordering::Release);
        self.waker.wake();
        true
    }

    /// Returns the status in which the connection was asked to end, once.
    pub(super) fn take_eviction(&self) -> Option<Status> {
        match self.eviction.load(Ordering::Acquire) {
            0 => None,
            packed => {
                self.eviction.store(0, Ordering::Relaxed);
                Some(Status::unpack(packed))
            }
        }
    }

    /// Returns whether an eviction has released the slot, and makes it the connection's again.
    pub(super) fn cancel_eviction(&self) -> bool {
        self.slot_released.swap(false, Ordering::Relaxed)
    }

    /// Registers the task to wake for an eviction: the one that polls the connection.
    pub(super) fn register(&self, context: &std::task::Context<'_>) {
        self.waker.register(context.waker());
    }

    fn enter(&self, phase: Phase) {
        self.enter_since(phase, self.now_ms());
    }

    fn enter_since(&self, phase: Phase, since_ms: u64) {
        let status = Status { phase, since_ms };
        self.reading.store(status.pack(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::{ConnectionState, Phase};

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn the_phase_follows_the_traffic() {
        let state = ConnectionState::new(Instant::now());
        let status = || (state.status().phase, state.status().since_ms / 1000);
        state.head_awaited();
        assert_eq!(status(), (Phase::Connected, 0));
        advance(SECOND).await;
        state.received();
        assert_eq!(status(), (Phase::ReadingHead, 0), "since its beginning");
        state.head_complete();
        assert_eq!(status(), (Phase::Processing, 1));
        advance(SECOND).await;
        state.read_blocked();
        state.read_blocked();
        assert_eq!(status(), (Phase::ReadingBody, 2));
        advance(SECOND).await;
        state.received();
        assert_eq!(status().0, Phase::Processing);
        state.write_blocked();
        advance(SECOND).await;
        state.write_blocked();
        // The end of a response may still be on its way when the next request is awaited.
        state.head_awaited();
        assert_eq!(status(), (Phase::WriteBlocked, 3));
        state.sent();
        assert_eq!(status(), (Phase::KeptAlive, 4));
        advance(SECOND).await;
        state.received();
        assert_eq!(status(), (Phase::ReadingHead, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_is_one_phase_whatever_its_traffic() {
        let state = ConnectionState::new(Instant::now());
        let status = || (state.status().phase, state.status().since_ms / 1000);
        state.handshake_began();
        state.head_awaited();
        advance(SECOND).await;
        state.received();
        state.write_blocked();
        assert_eq!(status(), (Phase::Handshaking, 0), "since its beginning");
        state.handshake_ended();
        assert_eq!(status(), (Phase::Connected, 1));
        state.received();
        assert_eq!(status(), (Phase::ReadingHead, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_eviction_is_for_one_status() {
        let state = ConnectionState::new(Instant::now());
        let before = state.status();
        assert_eq!(state.take_eviction(), None);
        assert!(state.request_eviction(before));
        assert_eq!(state.take_eviction(), Some(before));
        assert_eq!(state.take_eviction(), None);
        assert!(!state.request_eviction(before), "asked before");
        assert!(state.cancel_eviction());
        state.received();
        assert!(!state.request_eviction(before), "in another status");
    }
}
