//! The clocks of the replicas, and one made of them that never goes back.
//!
//! An event is received by the clock of the replica that takes it, and cursors were handed out by all of these clocks. So
//! they have to agree: within [`tolerance_us`] of each other, or the feed stops. A clock that was set back, or that of a
//! replica that comes back wrong, stores no event before cursors, because every INSERT says what it cannot be before:
//! [`SteadyClock::floor_us`].

use std::time::Duration;

use tokio::time::Instant;

use crate::store::clickhouse::topology::MAX_CLOCK_DIFFERENCE_US;

/// How much one server's clock may be set back unnoticed.
const ALONE_TOLERANCE_US: i64 = 50_000;

/// A clock that is a thousandth slower than this machine's is not taken for one that was set back.
const DRIFT_PARTS: i64 = 1000;

pub(super) const fn tolerance_us(is_cluster: bool) -> i64 {
    if is_cluster {
        MAX_CLOCK_DIFFERENCE_US
    } else {
        ALONE_TOLERANCE_US
    }
}

/// What a replica's clock showed at some moment between two.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub(super) clock_us: i64,
    pub(super) asked: Instant,
    pub(super) answered: Instant,
}

impl Reading {
    /// Returns the least and the greatest time that the clock can show at `now`, which is not before the answer.
    fn range_us(&self, now: Instant) -> (i64, i64) {
        let after = |from: Instant| self.clock_us + micros(now.saturating_duration_since(from));
        (after(self.answered), after(self.asked))
    }
}

/// Returns by how many microseconds two of these clocks differ at least, and which is ahead and which behind, by their
/// places.
pub(super) fn difference(readings: &[Reading], now: Instant) -> (i64, usize, usize) {
    let ranges = || {
        let ranges = readings.iter().map(|it| it.range_us(now));
        ranges.enumerate()
    };
    let ahead = ranges().max_by_key(|(_, (least, _))| *least);
    let behind = ranges().min_by_key(|(_, (_, greatest))| *greatest);
    match (ahead, behind) {
        (Some((ahead, (least, _))), Some((behind, (_, greatest)))) => {
            ((least - greatest).max(0), ahead, behind)
        }
        _ => (0, 0, 0),
    }
}

/// The clock of most replicas. It continues by this machine's monotonic clock while they are not asked, and where they were
/// set back.
#[derive(Debug, Clone, Copy)]
pub(super) struct SteadyClock {
    shown_us: i64,
    at: Instant,
    tolerance_us: i64,
    /// The newest event that had been received when the clock was made, if that was ahead of it.
    newest_us: i64,
}

impl SteadyClock {
    /// `newest_us` is the time of the newest event.
    pub(super) fn new(is_cluster: bool, newest_us: i64, now: Instant) -> Self {
        Self {
            shown_us: i64::MIN / 2,
            at: now,
            tolerance_us: tolerance_us(is_cluster),
            newest_us,
        }
    }

    /// Takes over what the replicas' clocks show. Returns by how many microseconds most of them are behind at least, where
    /// that is more than clocks may differ.
    pub(super) fn observe(&mut self, readings: &[Reading], now: Instant) -> Option<i64> {
        let mut ranges: Vec<_> = readings.iter().map(|it| it.range_us(now)).collect();
        ranges.sort_unstable();
        let (least, greatest) = *ranges.get(ranges.len().saturating_sub(1) / 2)?;
        let known = self.now_us(now).max(self.newest_us);
        self.shown_us = least.max(self.now_us(now));
        self.at = now;
        (known - greatest > self.tolerance_us).then_some(known - greatest)
    }

    /// Returns the time before which no event may be received from now on: no cursor that was handed out is behind it.
    pub(super) fn floor_us(&self, now: Instant) -> i64 {
        (self.now_us(now) - self.tolerance_us).max(self.newest_us + 1)
    }

    /// Returns how long ago it took over what the replicas' clocks show.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }

    fn now_us(&self, now: Instant) -> i64 {
        let since = micros(self.age(now));
        self.shown_us + since - since / DRIFT_PARTS
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{MAX_CLOCK_DIFFERENCE_US, Reading, SteadyClock, difference};

    const SECOND: i64 = 1_000_000;

    /// A clock's reading that took so long.
    fn reading(clock_us: i64, answered: Instant, took: Duration) -> Reading {
        Reading {
            clock_us,
            asked: answered - took,
            answered,
        }
    }

    #[test]
    fn clocks_differ_only_if_no_delay_explains_it() {
        let now = Instant::now() + Duration::from_secs(100);
        let quick = Duration::from_millis(1);
        let slow = Duration::from_millis(900);
        let same = [reading(0, now, quick), reading(-800_000, now, slow)];
        assert_eq!(difference(&same, now).0, 0);
        let other = [
            reading(5 * SECOND, now, quick),
            reading(0, now, quick),
            reading(0, now, slow),
        ];
        assert_eq!(difference(&other, now), (5 * SECOND - 1000, 0, 1));
        assert_eq!(difference(&[], now).0, 0);
    }

    #[test]
    fn a_clock_that_is_set_back_sets_nothing_back() {
        let start = Instant::now() + Duration::from_secs(100);
        let quick = Duration::from_millis(1);
        let mut clock = SteadyClock::new(false, 0, start);
        let read = |us, at| [reading(us, at, quick)];
        assert_eq!(clock.observe(&read(100 * SECOND, start), start), None);
        let floor = clock.floor_us(start);
        assert!((99 * SECOND..=100 * SECOND).contains(&floor), "{floor}");

        let later = start + Duration::from_secs(10);
        let back = clock.observe(&read(50 * SECOND, later), later).unwrap();
        assert!((59 * SECOND..=60 * SECOND).contains(&back), "{back}");
        let floor = clock.floor_us(later);
        assert!((109 * SECOND..=110 * SECOND).contains(&floor), "{floor}");

        // Once it shows that time again, it is believed.
        let much_later = start + Duration::from_secs(90);
        assert_eq!(
            clock.observe(&read(200 * SECOND, much_later), much_later),
            None
        );
        let floor = clock.floor_us(much_later);
        assert!((199 * SECOND..=200 * SECOND).contains(&floor), "{floor}");
    }

    #[test]
    fn most_clocks_decide_and_a_newer_event_counts() {
        let now = Instant::now() + Duration::from_secs(100);
        let quick = Duration::from_millis(1);
        let mut clock = SteadyClock::new(true, 0, now);
        let readings = [90, 100, 100].map(|s| reading(s * SECOND, now, quick));
        assert_eq!(clock.observe(&readings, now), None);
        assert_eq!(clock.floor_us(now), 100 * SECOND - MAX_CLOCK_DIFFERENCE_US);

        let mut clock = SteadyClock::new(true, 500 * SECOND, now);
        assert!(clock.observe(&readings, now).is_some());
        assert_eq!(clock.floor_us(now), 500 * SECOND + 1);
    }

    #[test]
    fn a_slow_clock_is_not_one_that_was_set_back() {
        let start = Instant::now() + Duration::from_secs(100);
        let quick = Duration::from_millis(1);
        let mut clock = SteadyClock::new(false, 0, start);
        for second in 0..100_000_u32 {
            let now = start + Duration::from_secs(u64::from(second));
            let shown = i64::from(second) * SECOND - i64::from(second) * 900;
            assert_eq!(clock.observe(&[reading(shown, now, quick)], now), None);
        }
    }
}
