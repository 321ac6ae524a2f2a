//! Trying again what may succeed later.

use std::time::Duration;

use super::Error;
use crate::domain::cause::chain;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Makes attempts until one succeeds, fails for good, or all pauses together were `patience`; answers
/// with the last. What an attempt itself takes is not counted: sending gigabytes takes its time.
pub(super) async fn patiently<T>(
    patience: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let mut waited = Duration::ZERO;
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match attempt().await {
            Err(error) if error.may_pass() && waited + pause <= patience => error,
            outcome => return outcome,
        };
        tracing::warn!(
            "trying again in {} s: {}",
            pause.as_secs_f32(),
            chain(&error)
        );
        tokio::time::sleep(pause).await;
        waited += pause;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;
    use serde_json::Value;

    use super::super::error::Detail;
    use super::{Error, patiently};

    fn refused(status: StatusCode) -> Error {
        Error::Refused {
            status,
            detail: Detail(Value::Null),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_waited_for_and_what_does_not_is_told() {
        let patience = Duration::from_secs(30);
        let mut left = 5;
        let outcome = patiently(patience, || {
            left -= 1;
            let outcome = match left {
                0 => Ok(7),
                _ => Err(refused(StatusCode::SERVICE_UNAVAILABLE)),
            };
            async move { outcome }
        });
        assert_eq!(outcome.await.unwrap(), 7);

        let begin = tokio::time::Instant::now();
        let away = || async { Err::<(), _>(refused(StatusCode::BAD_GATEWAY)) };
        assert!(patiently(patience, away).await.is_err());
        let waited = begin.elapsed();
        assert!(waited <= patience && waited > patience / 2, "{waited:?}");

        let mut attempts = 0;
        let outcome = patiently(patience, || {
            attempts += 1;
            async { Err::<(), _>(refused(StatusCode::BAD_REQUEST)) }
        });
        assert!(outcome.await.is_err());
        assert_eq!(attempts, 1);
    }
}
