//! A rate limit for reading.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Limits the bytes per second that all readers sharing it read together. Unlimited by default.
#[derive(Debug, Default)]
pub struct RateLimiter {
    bytes_per_second: Option<u64>,
    /// When the bytes that were read so far are within the limit.
    ready_at: Mutex<Option<Instant>>,
}

impl RateLimiter {
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        Self {
            bytes_per_second,
            ready_at: Mutex::default(),
        }
    }

    /// Waits until these bytes, which were just read, are within the limit.
    pub(super) async fn wait(&self, bytes: usize) {
        let Some(rate) = self.bytes_per_second else {
            return;
        };
        #[expect(clippy::cast_precision_loss, reason = "a pause need not be exact")]
        let cost = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        let ready_at = {
            let mut last = self.ready_at.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let ready_at = last.map_or(now, |last| last.max(now)) + cost;
            *last = Some(ready_at);
            ready_at
        };
        tokio::time::sleep_until(ready_at).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::RateLimiter;

    #[tokio::test(start_paused = true)]
    async fn readers_share_the_limit() {
        let rate_limiter = RateLimiter::new(Some(1000));
        let begin = Instant::now();
        tokio::join!(rate_limiter.wait(3000), rate_limiter.wait(500), async {
            for _ in 0..15 {
                rate_limiter.wait(100).await;
            }
        });
        assert_eq!(begin.elapsed().as_secs(), 5);
        RateLimiter::default().wait(usize::MAX).await;
        assert_eq!(begin.elapsed().as_secs(), 5);
    }
}
