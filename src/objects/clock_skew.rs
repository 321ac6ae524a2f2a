//! The age of things dated by a wall clock that may have been set since.
//!
//! Setting the clock ahead makes everything look older. So each reading of the wall clock is compared with a monotonic
//! one. How far the wall clock was ahead *when the thing was dated* is unknown, but the least it was ahead since then is
//! known: with that, nothing is taken for older than it is. A clock that was ahead for a moment changes nothing, and one
//! that was set for good counts once its old time lies far enough in the past.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Further points are merged, which makes things look younger.
const MAX_POINTS: usize = 64;
/// A clock that was not observed for this long, during a restart, is assumed not to have been set. A smaller change is
/// an ordinary correction.
const TOLERANCE_MS: i64 = 5 * 60 * 1000;
/// Below any reading of a clock.
const UNKNOWN_MS: i64 = -(1 << 60);

/// The lead of a wall clock over a monotonic clock, over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ClockSkew {
    /// Ascending in both fields: an earlier reading matters only if the clock was less ahead.
    points: VecDeque<Point>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    /// The last time when the wall clock may have been so little ahead, on the monotonic clock.
    until_ms: i64,
    ahead_ms: i64,
}

/// The same for the next process, whose monotonic clock is a different one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockSkewRecord {
    /// The reading of the wall clock, in milliseconds since 1970.
    at_ms: i64,
    /// For each point how long ago it was, and how far the wall clock was behind its last reading, in milliseconds.
    points: Vec<(i64, i64)>,
}

impl ClockSkew {
    /// Starts without knowledge of the past: nothing counts as old until the clock has been observed for as long.
    pub(super) fn unknown(elapsed: Duration) -> Self {
        Self {
            points: VecDeque::from([Point {
                until_ms: millis(elapsed),
                ahead_ms: UNKNOWN_MS,
            }]),
        }
    }

    /// Continues the record of an earlier process. The time between the two counts only if it was short, because nobody
    /// observed the clock.
    pub(super) fn resume(mark: &ClockSkewRecord, elapsed: Duration, now: Timestamp) -> Self {
        let ClockSkewRecord { at_ms, points } = mark;
        let (elapsed_ms, now_ms) = (millis(elapsed), now.as_millisecond());
        let gap_ms = now_ms.saturating_sub(*at_ms);
        let seen_ms = match gap_ms {
            0..=TOLERANCE_MS => now_ms,
            _ => *at_ms,
        };
        let mut points: Vec<Point> = points
            .iter()
            .map(|(ago_ms, behind_ms)| Point {
                until_ms: elapsed_ms.saturating_sub(*ago_ms),
                ahead_ms: seen_ms
                    .saturating_sub(elapsed_ms)
                    .saturating_sub(*behind_ms)
                    .max(UNKNOWN_MS),
            })
            .collect();
        if points.is_empty() {
            return Self::unknown(elapsed);
        }
        points.sort_unstable_by_key(|point| point.until_ms);
        let mut history = Self::default();
        for point in points {
            history.push(point);
        }
        history
    }

    /// Adds a reading of the wall clock, and returns by how much the clock was set since the last one, if that is more
    /// than an ordinary correction.
    pub(super) fn observe(&mut self, elapsed: Duration, now: Timestamp) -> Option<SignedDuration> {
        let until_ms = millis(elapsed);
        let ahead_ms = now.as_millisecond().saturating_sub(until_ms);
        let last = self.points.back().map_or(UNKNOWN_MS, |last| last.ahead_ms);
        let jump_ms = ahead_ms.saturating_sub(last);
        // It may have been set just before this reading.
        if let Some(last) = self.points.back_mut()
            && last.ahead_ms < ahead_ms
        {
            last.until_ms = until_ms;
        }
        self.push(Point { until_ms, ahead_ms });
        let is_jump = last != UNKNOWN_MS && jump_ms.saturating_abs() > TOLERANCE_MS;
        is_jump.then(|| SignedDuration::from_millis(jump_ms))
    }

    fn push(&mut self, point: Point) {
        while self
            .points
            .pop_back_if(|last| last.ahead_ms >= point.ahead_ms)
            .is_some()
        {}
        self.points.push_back(point);
        if self.points.len() > MAX_POINTS
            && let Some(Point { until_ms, .. }) = self.points.remove(1)
            && let Some(first) = self.points.front_mut()
        {
            first.until_ms = until_ms;
        }
    }

    /// Returns the date before which things of at least this age were dated; `None` if nothing is known to be so old.
    pub(super) fn before(&self, elapsed: Duration, age: Duration) -> Option<Timestamp> {
        let (now_ms, age_ms) = (millis(elapsed), millis(age));
        let since_ms = now_ms.saturating_sub(age_ms);
        let mut points = self.points.iter();
        let slowest = points.find(|point| point.until_ms >= since_ms)?;
        let before_ms = since_ms.saturating_add(slowest.ahead_ms);
        Timestamp::from_millisecond(before_ms).ok()
    }

    /// Returns the record for the next process; `None` if nothing was observed.
    pub(super) fn mark(&self, elapsed: Duration) -> Option<ClockSkewRecord> {
        let (now_ms, last) = (millis(elapsed), self.points.back()?);
        let points = self.points.iter().map(|point| {
            let behind_ms = last.ahead_ms.saturating_sub(point.ahead_ms);
            (now_ms.saturating_sub(point.until_ms), behind_ms)
        });
        Some(ClockSkewRecord {
            at_ms: now_ms.saturating_add(last.ahead_ms),
            points: points.collect(),
        })
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::{ClockSkew, MAX_POINTS};

    const DAY: i64 = 24 * 3600;

    fn elapsed(seconds: i64) -> Duration {
        Duration::from_secs(seconds.try_into().unwrap())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn before(history: &ClockSkew, now: i64, life: i64) -> Option<i64> {
        let before = history.before(elapsed(now), elapsed(life))?;
        Some(before.as_second() - at(0).as_second())
    }

    #[test]
    fn a_clock_ahead_for_a_moment_ages_nothing() {
        let mut history = ClockSkew::default();
        _ = history.observe(elapsed(0), at(0));
        _ = history.observe(elapsed(100), at(100 + 9 * DAY));
        assert_eq!(before(&history, 100, 50), Some(50));
        _ = history.observe(elapsed(103), at(103));
        assert_eq!(before(&history, 103, 50), Some(53));
        _ = history.observe(elapsed(200), at(200));
        assert_eq!(before(&history, 200, 50), Some(150));
    }

    #[test]
    fn a_clock_set_for_good_counts_after_the_age_has_passed() {
        let mut history = ClockSkew::default();
        _ = history.observe(elapsed(0), at(0));
        for now in [10, 20, 30, 59] {
            _ = history.observe(elapsed(now), at(now + DAY));
            assert_eq!(before(&history, now, 50), Some(now - 50));
        }
        _ = history.observe(elapsed(61), at(61 + DAY));
        assert_eq!(before(&history, 61, 50), Some(11 + DAY));
        // Back: at once.
        _ = history.observe(elapsed(70), at(70));
        assert_eq!(before(&history, 70, 50), Some(20));
    }

    #[test]
    fn unobserved_time_counts_only_if_it_was_short() {
        let mut history = ClockSkew::default();
        _ = history.observe(elapsed(1000), at(1000));
        let mark = history.mark(elapsed(1010)).unwrap();
        let mark = serde_json::from_slice(&serde_json::to_vec(&mark).unwrap()).unwrap();
        let resumed = |now: i64| {
            let mut history = ClockSkew::resume(&mark, elapsed(0), at(now));
            _ = history.observe(elapsed(0), at(now));
            history
        };
        assert_eq!(before(&resumed(1020), 0, 50), Some(970));
        let mut later = resumed(1010 + 9 * DAY);
        assert_eq!(before(&later, 0, 50), Some(960));
        _ = later.observe(elapsed(60), at(1070 + 9 * DAY));
        assert_eq!(before(&later, 60, 50), Some(1020 + 9 * DAY));
        assert_eq!(before(&resumed(0), 0, 50), Some(-50));

        let mut unknown = ClockSkew::unknown(elapsed(5));
        _ = unknown.observe(elapsed(5), at(5));
        assert_eq!(before(&unknown, 54, 50), None);
        let mark = unknown.mark(elapsed(54)).unwrap();
        let resumed = ClockSkew::resume(&mark, elapsed(0), at(54));
        assert_eq!(before(&resumed, 0, 50), None);
        _ = unknown.observe(elapsed(56), at(56));
        assert_eq!(before(&unknown, 56, 50), Some(6));
        assert_eq!(before(&ClockSkew::default(), 0, 0), None);
    }

    proptest! {
        /// Whatever the clock does, a thing dated by one of its readings is never taken for older.
        #[test]
        fn nothing_is_taken_for_older_than_it_is(
            steps in prop::collection::vec((0_i64..50, -1000_i64..1000), 1..300),
            life in 0_i64..500,
        ) {
            let mut history = ClockSkew::default();
            let (mut now, mut dated) = (0, Vec::new());
            for (pause, ahead) in steps {
                now += pause;
                _ = history.observe(elapsed(now), at(now + ahead));
                prop_assert!(history.points.len() <= MAX_POINTS);
                dated.push((now, now + ahead));
                if let Some(before) = before(&history, now, life) {
                    for (true_s, date_s) in &dated {
                        prop_assert!(*date_s >= before || now - true_s >= life);
                    }
                }
            }
        }
    }
}
