//! A quota that refills at a constant rate.

use std::time::{Duration, Instant};

/// The seconds in which an empty bucket fills: so much of its rate may be taken at once after a pause.
pub(super) const WINDOW_SECONDS: u64 = 10;

/// What one tenant may still take.
///
/// An amount larger than the whole bucket is granted while it is full, and leaves a debt: a batch of any size succeeds at last,
/// and over time no more than the rate is granted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    /// Below zero: a debt.
    left: f64,
    as_of: Instant,
}

impl Bucket {
    pub(super) fn full(per_second: u64, now: Instant) -> Self {
        Self {
            left: capacity(per_second),
            as_of: now,
        }
    }

    /// Adds what has come since, and returns how long it takes until `amount` can be taken: zero if it can be now.
    pub(super) fn wait(&mut self, per_second: u64, amount: u64, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.as_of).as_secs_f64();
        let refilled = self.left + since * float(per_second);
        self.left = refilled.min(capacity(per_second));
        self.as_of = now;
        let missing = float(amount).min(capacity(per_second)) - self.left;
        seconds(missing, per_second)
    }

    pub(super) fn take(&mut self, amount: u64) {
        self.left -= float(amount);
    }

    /// Returns what is left, and how long it takes until all of it is there again.
    pub(super) fn standing(&mut self, per_second: u64, now: Instant) -> (u64, Duration) {
        let full_after = self.wait(per_second, u64::MAX, now);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between zero and the capacity"
        )]
        let left = self.left.max(0.0) as u64;
        (left, full_after)
    }
}

fn capacity(per_second: u64) -> f64 {
    float(per_second) * float(WINDOW_SECONDS)
}

fn seconds(amount: f64, per_second: u64) -> Duration {
    Duration::from_secs_f64((amount / float(per_second)).max(0.0))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "limits are far below what a double counts exactly"
)]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Bucket;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_bucket_grants_its_rate_after_its_burst() {
        let now = Instant::now();
        let mut bucket = Bucket::full(5, now);
        for _ in 0..50 {
            assert_eq!(bucket.wait(5, 1, now), Duration::ZERO);
            bucket.take(1);
        }
        assert_eq!(bucket.wait(5, 1, now), SECOND / 5);
        assert_eq!(bucket.standing(5, now), (0, 10 * SECOND));
        let later = now + 2 * SECOND;
        assert_eq!(bucket.standing(5, later), (10, 8 * SECOND));
        assert_eq!(bucket.wait(5, 10, later), Duration::ZERO);
        assert_eq!(bucket.standing(5, now + 60 * SECOND), (50, Duration::ZERO));
    }

    #[test]
    fn more_than_a_bucket_holds_leaves_a_debt() {
        let now = Instant::now();
        let mut bucket = Bucket::full(1, now);
        assert_eq!(bucket.wait(1, 100, now), Duration::ZERO);
        bucket.take(100);
        assert_eq!(bucket.wait(1, 1, now), 91 * SECOND);
        assert_eq!(bucket.wait(1, 100, now + 91 * SECOND), 9 * SECOND);
    }
}
