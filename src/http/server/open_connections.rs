//! The open connections, how many more there may be, and which of them is evicted for a new one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::connection_state::{ConnectionState, Phase, Status};
use crate::objects::Capacity;

/// The time for which a connection is idle before it may be evicted: a new one is about to send, and a client that has just been
/// answered often has another request.
const MIN_IDLE_MS: u64 = 100;

/// The same in the middle of a head or a TLS handshake: its packets are a round trip apart at most.
const MIN_HEAD_MS: u64 = 200;

/// The same while the client does not read a response, or does not send a body.
const MIN_STALL_MS: u64 = 1000;

/// These times are divided by this once the reserve is used up too: then a client opens connections faster than they
/// become idle enough, and all others have to wait.
const HIGH_PRESSURE_FACTOR: u64 = 10;

/// The pause before the next attempt where no connection could be evicted.
const PAUSE: Duration = Duration::from_millis(5);

/// A scan of all connections collects this fraction of those that may be evicted, and at least `MIN_CANDIDATES`, so that
/// a burst of new connections takes one scan for many of them.
const CANDIDATE_DIVISOR: usize = 32;
const MIN_CANDIDATES: usize = 8;

/// The open connections of a server.
#[derive(Debug)]
pub(super) struct OpenConnections {
    /// Slots in use; a connection that is about to end has none.
    taken: AtomicUsize,
    limit: usize,
    /// Slots beyond the limit, so that probes and the API are answered where all connections are busy and none can be
    /// evicted.
    reserve: usize,
    epoch: Instant,
    table: Mutex<Table>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    next_number: u64,
    states: HashMap<u64, Arc<ConnectionState>>,
    /// The connections to evict next, in reverse order.
    candidates: Vec<(Status, Arc<ConnectionState>)>,
    /// The time of the last scan, by pressure.
    scanned_at: [Option<Instant>; 2],
}

/// The urgency of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pressure {
    Normal,
    High,
}

/// A connection's slot; dropping it frees it.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    pub(super) state: Arc<ConnectionState>,
    open: Arc<OpenConnections>,
    number: u64,
}

impl OpenConnections {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            taken: AtomicUsize::new(0),
            limit,
            reserve: (limit / 8).clamp(4, 64),
            epoch: Instant::now(),
            table: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// Returns how many slots are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    pub(super) fn capacity(&self) -> Capacity {
        match self.taken() {
            taken if taken > self.limit => Capacity::Exhausted,
            taken if taken > self.limit / 4 * 3 => Capacity::Scarce,
            _ => Capacity::Ample,
        }
    }

    /// Waits until one more connection may be served.
    pub(super) async fn wait_for_slot(&self) {
        loop {
            if self.taken() < self.limit
                || self.evict_one(Pressure::Normal)
                || self.taken() < self.limit + self.reserve
                || self.evict_one(Pressure::High)
            {
                return;
            }
            // Connections become idle enough to be evicted without a notification.
            let _ = tokio::time::timeout(PAUSE, self.freed.notified()).await;
        }
    }

    pub(super) fn take_slot(self: &Arc<Self>) -> ConnectionSlot {
        let state = Arc::new(ConnectionState::new(self.epoch));
        let mut table = self.lock();
        let number = table.next_number;
        table.next_number += 1;
        table.states.insert(number, Arc::clone(&state));
        self.count(|taken| taken + 1);
        ConnectionSlot {
            state,
            open: Arc::clone(self),
            number,
        }
    }

    /// Evicts the longest idle connection; returns whether there was one.
    fn evict_one(&self, pressure: Pressure) -> bool {
        loop {
            let candidate = self.lock().candidates.pop();
            match candidate {
                Some((status, state)) if self.evict(&state, status) => return true,
                Some(_) => {}
                None if self.find_candidates(pressure) => {}
                None => return false,
            }
        }
    }

    /// Asks a connection to end and frees its slot, unless it has left `status`.
    pub(super) fn evict(&self, state: &ConnectionState, status: Status) -> bool {
        let _table = self.lock();
        let evicted = state.request_eviction(status);
        if evicted {
            self.count(|taken| taken - 1);
        }
        evicted
    }

    /// Scans all connections; returns whether any of them may be evicted.
    fn find_candidates(&self, pressure: Pressure) -> bool {
        let mut table = self.lock();
        let pause = match pressure {
            Pressure::Normal => PAUSE,
            Pressure::High => PAUSE / 5,
        };
        let scanned_at = &mut table.scanned_at[pressure as usize];
        if scanned_at.is_some_and(|at| at.elapsed() < pause) {
            return false;
        }
        *scanned_at = Some(Instant::now());
        let mut found: Vec<_> = table
            .states
            .values()
            .map(|state| (state.status(), state))
            .filter(|(status, state)| is_evictable(*status, state.now_ms(), pressure))
            .map(|(status, state)| (status, Arc::clone(state)))
            .collect();
        let wanted = found
            .len()
            .min(MIN_CANDIDATES.max(found.len() / CANDIDATE_DIVISOR));
        if wanted < found.len() {
            found.select_nth_unstable_by_key(wanted, |(status, _)| *status);
            found.truncate(wanted);
        }
        found.sort_unstable_by_key(|(status, _)| std::cmp::Reverse(*status));
        table.candidates = found;
        wanted > 0
    }

    /// Changes the number of slots taken; the caller holds the lock.
    fn count(&self, change: impl Fn(usize) -> usize) {
        self.taken.store(change(self.taken()), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_evictable(status: Status, now_ms: u64, pressure: Pressure) -> bool {
    let min_ms = match status.phase {
        Phase::Connected | Phase::KeptAlive => MIN_IDLE_MS,
        Phase::Handshaking | Phase::ReadingHead => MIN_HEAD_MS,
        Phase::WriteBlocked | Phase::ReadingBody => MIN_STALL_MS,
        Phase::Processing => return false,
    };
    let min_ms = match pressure {
        Pressure::Normal => min_ms,
        Pressure::High => min_ms / HIGH_PRESSURE_FACTOR,
    };
    now_ms.saturating_sub(status.since_ms) >= min_ms
}

impl ConnectionSlot {
    /// Takes back the slot that an eviction freed.
    pub(super) fn reclaim(&self) {
        let _table = self.open.lock();
        self.state.cancel_eviction();
        self.open.count(|taken| taken + 1);
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut table = self.open.lock();
        table.states.remove(&self.number);
        if !self.state.cancel_eviction() {
            self.open.count(|taken| taken - 1);
        }
        drop(table);
        self.open.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::time::{advance, timeout};

    use super::{Capacity, ConnectionSlot, OpenConnections};

    const SECOND: Duration = Duration::from_secs(1);

    fn filled(open: &Arc<OpenConnections>, count: usize) -> Vec<ConnectionSlot> {
        (0..count).map(|_| open.take_slot()).collect()
    }

    async fn has_slot(open: &OpenConnections) -> bool {
        timeout(SECOND / 20, open.wait_for_slot()).await.is_ok()
    }

    fn has_slot_at_once(open: &OpenConnections) -> bool {
        open.wait_for_slot().now_or_never().is_some()
    }

    fn evicted(slots: &[ConnectionSlot]) -> Vec<usize> {
        let evicted = slots.iter().enumerate();
        let evicted = evicted.filter(|(_, slot)| slot.state.take_eviction().is_some());
        evicted.map(|(number, _)| number).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_is_evicted_and_a_new_one_before_a_kept_one() {
        let open = OpenConnections::new(4);
        let slots = filled(&open, 4);
        let [kept, half, first, second] = &slots[..] else {
            panic!("four slots")
        };
        kept.state.head_complete();
        kept.state.head_awaited();
        half.state.received();
        advance(SECOND).await;
        first.state.head_awaited();
        advance(SECOND).await;
        second.state.head_awaited();
        advance(SECOND).await;
        for expected in [2, 3, 0, 1] {
            assert!(has_slot(&open).await);
            assert_eq!(evicted(&slots), [expected]);
            std::mem::forget(open.take_slot());
        }
        assert_eq!(open.taken(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn busy_connections_stay_and_a_reserve_is_left() {
        let open = OpenConnections::new(8);
        let mut slots = filled(&open, 8);
        for slot in &slots {
            slot.state.head_complete();
        }
        advance(60 * SECOND).await;
        assert_eq!(open.capacity(), Capacity::Scarce);
        for _ in 0..4 {
            assert!(has_slot(&open).await);
            let slot = open.take_slot();
            slot.state.head_complete();
            slots.push(slot);
        }
        assert_eq!(open.capacity(), Capacity::Exhausted);
        assert!(!has_slot(&open).await);
        assert_eq!(evicted(&slots), [0; 0]);
        slots.pop();
        assert!(has_slot(&open).await);
    }

    #[tokio::test(start_paused = true)]
    async fn under_pressure_connections_are_evicted_sooner() {
        let open = OpenConnections::new(8);
        let slots = filled(&open, 12);
        assert!(!has_slot_at_once(&open), "all of them have just connected");
        advance(SECOND / 50).await;
        assert!(has_slot_at_once(&open));
        assert_eq!(evicted(&slots).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn stalled_readers_and_senders_are_evicted() {
        let open = OpenConnections::new(2);
        let slots = filled(&open, 2);
        for slot in &slots {
            slot.state.head_complete();
        }
        slots[0].state.read_blocked();
        slots[1].state.write_blocked();
        advance(SECOND).await;
        for expected in [1, 0] {
            assert!(has_slot(&open).await);
            assert_eq!(evicted(&slots), [expected]);
            std::mem::forget(open.take_slot());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slots_are_counted_whatever_comes_of_an_eviction() {
        let open = OpenConnections::new(1);
        let slot = open.take_slot();
        assert!(open.evict(&slot.state, slot.state.status()));
        assert_eq!(open.taken(), 0);
        assert!(slot.state.take_eviction().is_some());
        slot.reclaim();
        assert_eq!(open.taken(), 1);
        assert!(open.evict(&slot.state, slot.state.status()));
        drop(slot);
        assert_eq!(open.taken(), 0);
        drop(open.take_slot());
        assert_eq!(open.taken(), 0);
    }
}
