//! Retries with growing pauses, for jobs and the client.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::cause::chain;

/// An error that may be transient.
pub trait Transient: std::error::Error {
    /// Tells whether the same operation may succeed later.
    fn is_transient(&self) -> bool;
}

/// The pauses between attempts, and the limit of retries. Each pause is twice the one before.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    pub first_pause: Duration,
    pub longest_pause: Duration,
    pub limit: Limit,
}

#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// So long after the first attempt began.
    Elapsed(Duration),
    /// When all pauses together would be longer than this. The attempts themselves are not counted: sending
    /// gigabytes takes its time.
    Pauses(Duration),
}

impl Limit {
    /// Tells whether there may be another attempt so long after the first one, and after pauses of this length.
    pub fn allows(self, elapsed: Duration, paused: Duration) -> bool {
        match self {
            Self::Elapsed(limit) => elapsed < limit,
            Self::Pauses(limit) => paused <= limit,
        }
    }
}

impl Retry {
    /// Makes attempts until one succeeds or fails permanently, or the limit is reached. Returns the last outcome.
    ///
    /// `what` completes "cannot …" in the log, which has a line per retry until the pauses stop growing.
    pub async fn run<T, E: Transient, F: Future<Output = Result<T, E>>>(
        &self,
        what: &str,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, E> {
        let (begin, mut paused, mut pause) = (Instant::now(), Duration::ZERO, self.first_pause);
        loop {
            let outcome = attempt().await;
            let is_allowed = self.limit.allows(begin.elapsed() + pause, paused + pause);
            match &outcome {
                Err(error) if is_allowed && error.is_transient() => {
                    if pause < self.longest_pause {
                        let seconds = pause.as_secs_f32();
                        tracing::warn!("cannot {what}, retrying in {seconds} s: {}", chain(error));
                    }
                }
                _ => return outcome,
            }
            tokio::time::sleep(pause).await;
            paused += pause;
            pause = (pause * 2).min(self.longest_pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Limit, Retry, Transient};

    #[derive(Debug, thiserror::Error, PartialEq)]
    #[error("it failed")]
    struct Failure {
        is_transient: bool,
    }

    impl Transient for Failure {
        fn is_transient(&self) -> bool {
            self.is_transient
        }
    }

    const LIMIT: Duration = Duration::from_mins(2);

    fn retry(limit: Limit) -> Retry {
        Retry {
            first_pause: Duration::from_millis(50),
            longest_pause: Duration::from_secs(5),
            limit,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn retries_transient_errors_within_the_limit() {
        for limit in [Limit::Elapsed(LIMIT), Limit::Pauses(LIMIT)] {
            let mut attempts = 0;
            let succeeds_late = || {
                attempts += 1;
                let is_transient = true;
                let outcome = (attempts == 20).then_some(7);
                async move { outcome.ok_or(Failure { is_transient }) }
            };
            assert_eq!(retry(limit).run("work", succeeds_late).await, Ok(7));

            let begin = Instant::now();
            let fails = || async { Err::<(), _>(Failure { is_transient: true }) };
            assert!(retry(limit).run("work", fails).await.is_err());
            let waited = begin.elapsed();
            assert!(waited <= LIMIT && waited > LIMIT / 2, "{waited:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn counts_attempts_only_towards_elapsed_time() {
        for (limit, expected) in [(Limit::Elapsed(LIMIT), 2), (Limit::Pauses(LIMIT), 30)] {
            let mut attempts = 0;
            let fails_slowly = || {
                attempts += 1;
                async {
                    tokio::time::sleep(LIMIT * 2 / 3).await;
                    Err::<(), _>(Failure { is_transient: true })
                }
            };
            assert!(retry(limit).run("work", fails_slowly).await.is_err());
            assert_eq!(attempts, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn returns_permanent_errors_at_once() {
        let mut attempts = 0;
        let fails = || {
            attempts += 1;
            async {
                let is_transient = false;
                Err::<(), _>(Failure { is_transient })
            }
        };
        let limit = Limit::Elapsed(LIMIT);
        assert!(retry(limit).run("work", fails).await.is_err());
        assert_eq!(attempts, 1);
    }
}
