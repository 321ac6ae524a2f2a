//! Trying again what may succeed later.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::cause::chain;
use crate::{objects, store};

/// How long a backend may be away before that is the end of a run: longer than a restart takes.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// An error that may pass by itself.
pub trait Passing: std::error::Error {
    fn may_pass(&self) -> bool;
}

impl Passing for store::Error {
    fn may_pass(&self) -> bool {
        match self {
            Self::Busy | Self::Unavailable(_) => true,
            Self::DatabaseMissing(_) | Self::EntryMissing(_) | Self::Damaged(_) => false,
        }
    }
}

impl Passing for objects::Error {
    fn may_pass(&self) -> bool {
        match self {
            Self::Credentials(_) | Self::Unavailable(_) => true,
            Self::Damaged(_) | Self::Refused(_) => false,
        }
    }
}

/// Makes attempts until one succeeds, fails for good, or the time for it is over; answers with the last.
pub async fn patiently<T, E: Passing, F: Future<Output = Result<T, E>>>(
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, E> {
    let begin = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match attempt().await {
            Err(error) if error.may_pass() && begin.elapsed() + pause < PATIENCE => error,
            outcome => return outcome,
        };
        if pause == FIRST_PAUSE {
            let seconds = PATIENCE.as_secs();
            tracing::warn!(
                "cannot {what}, trying again for {seconds} s: {}",
                chain(&error)
            );
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{PATIENCE, patiently};
    use crate::domain::DatabaseName;
    use crate::store::Error;

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_waited_for_and_what_does_not_is_told() {
        let mut left = 20;
        let outcome = patiently("work", || {
            left -= 1;
            let outcome = if left > 0 { Err(Error::Busy) } else { Ok(7) };
            async move { outcome }
        });
        assert_eq!(outcome.await.unwrap(), 7);
        assert_eq!(left, 0);

        let begin = Instant::now();
        let away = || async { Err::<(), _>(Error::Unavailable("it is away".into())) };
        let outcome = patiently("work", away).await;
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
        let waited = begin.elapsed();
        assert!(waited < PATIENCE && waited > PATIENCE / 2, "{waited:?}");

        let mut attempts = 0;
        let name = DatabaseName::parse("demo").unwrap();
        let outcome = patiently("work", || {
            attempts += 1;
            let error = Error::DatabaseMissing(name.clone());
            async move { Err::<(), _>(error) }
        });
        assert!(matches!(outcome.await, Err(Error::DatabaseMissing(_))));
        assert_eq!(attempts, 1);
    }
}
