//! The connections that are open, how many more there may be, and which of them gives way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::state::{Phase, Standing, State};
use crate::objects::Capacity;

/// How long a connection has waited at least when it gives way: what has just connected is about to send, and
/// a client that has just been answered often has another request.
const MIN_IDLE_MS: u64 = 100;

/// The same in the middle of a head: its packets are a round trip apart at most.
const MIN_HEAD_MS: u64 = 200;

/// The same while the other side does not read an answer, or does not send a body.
const MIN_STALL_MS: u64 = 1000;

/// By how much less connections have waited that give way once the reserve is taken too: somebody opens them
/// faster than they grow old, and whoever else connects waits behind.
const HASTE: u64 = 10;

/// How long to wait for a change where no connection could give way.
const PAUSE: Duration = Duration::from_millis(5);

/// A look at all connections finds one in this many of those that may give way, and no fewer than that, so
/// that a crowd costs one look for many of its connections.
const ONE_IN: usize = 32;
const AT_LEAST: usize = 8;

/// The open connections of a server.
#[derive(Debug)]
pub(super) struct Open {
    /// How many there are beside those that are about to end.
    occupied: AtomicUsize,
    limit: usize,
    /// What may be open beyond the limit, so that a probe and the API are answered where all connections are
    /// busy and none can give way.
    reserve: usize,
    epoch: Instant,
    all: Mutex<All>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct All {
    next_number: u64,
    states: HashMap<u64, Arc<State>>,
    /// Those that give way next, the first one last.
    candidates: Vec<(Standing, Arc<State>)>,
    /// When all were looked at last, by haste.
    looked_at: [Option<Instant>; 2],
}

/// How urgently room is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Haste {
    None,
    Great,
}

/// A connection's place among those that are open; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) state: Arc<State>,
    open: Arc<Open>,
    number: u64,
}

impl Open {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            occupied: AtomicUsize::new(0),
            limit,
            reserve: (limit / 8).clamp(4, 64),
            epoch: Instant::now(),
            all: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// Returns how many places are taken.
    pub(super) fn occupied(&self) -> usize {
        self.occupied.load(Ordering::Relaxed)
    }

    /// Tells how much room is left for what takes long.
    pub(super) fn capacity(&self) -> Capacity {
        match self.occupied() {
            occupied if occupied > self.limit => Capacity::Exhausted,
            occupied if occupied > self.limit / 4 * 3 => Capacity::Scarce,
            _ => Capacity::Ample,
        }
    }

    /// Waits until one more connection may be served.
    pub(super) async fn wait_for_room(&self) {
        loop {
            if self.occupied() < self.limit
                || self.make_room(Haste::None)
                || self.occupied() < self.limit + self.reserve
                || self.make_room(Haste::Great)
            {
                return;
            }
            // Waiting connections grow old enough to give way without any notice.
            let _ = tokio::time::timeout(PAUSE, self.freed.notified()).await;
        }
    }

    pub(super) fn take_place(self: &Arc<Self>) -> Place {
        let state = Arc::new(State::new(self.epoch));
        let mut all = self.lock();
        let number = all.next_number;
        all.next_number += 1;
        all.states.insert(number, Arc::clone(&state));
        self.count(|occupied| occupied + 1);
        Place {
            state,
            open: Arc::clone(self),
            number,
        }
    }

    /// Tells the connection that has waited longest to end; returns whether there is one.
    fn make_room(&self, haste: Haste) -> bool {
        loop {
            let candidate = self.lock().candidates.pop();
            match candidate {
                Some((standing, state)) if self.give_notice(&state, standing) => return true,
                Some(_) => {}
                None if self.look_for_candidates(haste) => {}
                None => return false,
            }
        }
    }

    /// Tells a connection to end, and gives its place away, unless it has moved on from this standing.
    pub(super) fn give_notice(&self, state: &State, standing: Standing) -> bool {
        let _all = self.lock();
        let told = state.give_notice(standing);
        if told {
            self.count(|occupied| occupied - 1);
        }
        told
    }

    /// Looks at all connections; returns whether any of them may give way.
    fn look_for_candidates(&self, haste: Haste) -> bool {
        let mut all = self.lock();
        let pause = match haste {
            Haste::None => PAUSE,
            Haste::Great => PAUSE / 5,
        };
        let looked_at = &mut all.looked_at[haste as usize];
        if looked_at.is_some_and(|at| at.elapsed() < pause) {
            return false;
        }
        *looked_at = Some(Instant::now());
        let mut found: Vec<_> = all
            .states
            .values()
            .map(|state| (state.standing(), state))
            .filter(|(standing, state)| may_give_way(*standing, state.now_ms(), haste))
            .map(|(standing, state)| (standing, Arc::clone(state)))
            .collect();
        let wanted = found.len().min(AT_LEAST.max(found.len() / ONE_IN));
        if wanted < found.len() {
            found.select_nth_unstable_by_key(wanted, |(standing, _)| *standing);
            found.truncate(wanted);
        }
        found.sort_unstable_by_key(|(standing, _)| std::cmp::Reverse(*standing));
        all.candidates = found;
        wanted > 0
    }

    /// Changes the number of places taken, by whoever has the lock.
    fn count(&self, change: impl Fn(usize) -> usize) {
        let occupied = change(self.occupied());
        self.occupied.store(occupied, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn may_give_way(standing: Standing, now_ms: u64, haste: Haste) -> bool {
    let min_ms = match standing.phase {
        Phase::New | Phase::KeptAlive => MIN_IDLE_MS,
        Phase::Head => MIN_HEAD_MS,
        Phase::Answer | Phase::Body => MIN_STALL_MS,
        Phase::Service => return false,
    };
    let min_ms = match haste {
        Haste::None => min_ms,
        Haste::Great => min_ms / HASTE,
    };
    now_ms.saturating_sub(standing.since_ms) >= min_ms
}

impl Place {
    /// Takes the place back that was given away by a notice.
    pub(super) fn stays(&self) {
        let _all = self.open.lock();
        self.state.forget_notice();
        self.open.count(|occupied| occupied + 1);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.open.lock();
        all.states.remove(&self.number);
        if !self.state.forget_notice() {
            self.open.count(|occupied| occupied - 1);
        }
        drop(all);
        self.open.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::time::{advance, timeout};

    use super::{Capacity, Open, Place};

    const SECOND: Duration = Duration::from_secs(1);

    fn filled(open: &Arc<Open>, count: usize) -> Vec<Place> {
        (0..count).map(|_| open.take_place()).collect()
    }

    async fn has_room(open: &Open) -> bool {
        timeout(SECOND / 20, open.wait_for_room()).await.is_ok()
    }

    fn has_room_at_once(open: &Open) -> bool {
        open.wait_for_room().now_or_never().is_some()
    }

    fn noticed(places: &[Place]) -> Vec<usize> {
        let told = places.iter().enumerate();
        let told = told.filter(|(_, place)| place.state.take_notice().is_some());
        told.map(|(number, _)| number).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_gives_way_and_a_silent_one_before_a_kept_one() {
        let open = Open::new(4);
        let places = filled(&open, 4);
        let [kept, half, first, second] = &places[..] else {
            panic!("four places")
        };
        kept.state.has_head();
        kept.state.awaits_head();
        half.state.received();
        advance(SECOND).await;
        first.state.awaits_head();
        advance(SECOND).await;
        second.state.awaits_head();
        advance(SECOND).await;
        for expected in [2, 3, 0, 1] {
            assert!(has_room(&open).await);
            assert_eq!(noticed(&places), [expected]);
            std::mem::forget(open.take_place());
        }
        assert_eq!(open.occupied(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_served_stays_and_a_reserve_is_left() {
        let open = Open::new(8);
        let mut places = filled(&open, 8);
        for place in &places {
            place.state.has_head();
        }
        advance(60 * SECOND).await;
        assert_eq!(open.capacity(), Capacity::Scarce);
        for _ in 0..4 {
            assert!(has_room(&open).await);
            let place = open.take_place();
            place.state.has_head();
            places.push(place);
        }
        assert_eq!(open.capacity(), Capacity::Exhausted);
        assert!(!has_room(&open).await);
        assert_eq!(noticed(&places), [0; 0]);
        places.pop();
        assert!(has_room(&open).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_that_keeps_connecting_gives_way_sooner() {
        let open = Open::new(8);
        let places = filled(&open, 12);
        assert!(!has_room_at_once(&open), "all of them have just connected");
        advance(SECOND / 50).await;
        assert!(has_room_at_once(&open));
        assert_eq!(noticed(&places).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn readers_and_senders_that_stall_give_way() {
        let open = Open::new(2);
        let places = filled(&open, 2);
        for place in &places {
            place.state.has_head();
        }
        places[0].state.wants_more();
        places[1].state.is_blocked();
        advance(SECOND).await;
        for expected in [1, 0] {
            assert!(has_room(&open).await);
            assert_eq!(noticed(&places), [expected]);
            std::mem::forget(open.take_place());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn places_are_counted_whatever_comes_of_a_notice() {
        let open = Open::new(1);
        let place = open.take_place();
        assert!(open.give_notice(&place.state, place.state.standing()));
        assert_eq!(open.occupied(), 0);
        assert!(place.state.take_notice().is_some());
        place.stays();
        assert_eq!(open.occupied(), 1);
        assert!(open.give_notice(&place.state, place.state.standing()));
        drop(place);
        assert_eq!(open.occupied(), 0);
        drop(open.take_place());
        assert_eq!(open.occupied(), 0);
    }
}
