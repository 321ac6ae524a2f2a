//! Credentials kept until shortly before they expire: signing takes them without waiting, and renews
//! them in the background.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::source::{Found, Source};
use crate::domain::Clock;
use crate::objects::Error;

/// How long before their expiry credentials are renewed, or half of what is left where that is less.
/// ECS and IMDSv2 hand out the next ones at least 5 minutes ahead; the rest is time for retries.
const RENEW_AHEAD: SignedDuration = SignedDuration::from_mins(15);

/// How long credentials that name no expiry are used before their source is read again, so that a
/// rotated profile file counts without a restart.
const REREAD_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// The least time between two attempts: neither a dead IMDS nor a source whose credentials are always
/// short-lived may cost each request a call. After a success it is a quarter of what the credentials
/// live, where that is less.
const ATTEMPT_PAUSE: Duration = Duration::from_secs(10);

/// Credentials that live shorter than this (and shorter than the URL that is asked for) are renewed
/// before they sign: long enough to begin an upload after a pause for thought.
const ENOUGH_LIFE: Duration = Duration::from_mins(5);

/// What credentials must have left at all: a URL that lives shorter dies on its way to the user.
const LEAST_LIFE: Duration = Duration::from_secs(5);

/// The credentials of one storage.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    shared: Arc<Shared>,
    /// Held during an attempt, so that there is one at a time.
    attempts: Arc<Mutex<Attempts>>,
}

#[derive(Debug)]
struct Shared {
    source: Source,
    region: String,
    clock: Arc<dyn Clock>,
    state: RwLock<State>,
}

/// What the last attempts came to.
#[derive(Debug, Default)]
struct State {
    held: Option<Arc<Held>>,
    /// Why the last attempt failed, if it did.
    failure: Option<Failure>,
}

/// Credentials in use. `Debug` shows the key id alone.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) credentials: rusty_s3::Credentials,
    pub(super) expires_at: Option<Timestamp>,
    renew_at: Timestamp,
}

/// Why there are no credentials.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
struct Failure(Arc<str>);

#[derive(Debug, Default)]
struct Attempts {
    /// When the next attempt may be made; `None`: now. By the monotonic clock, because setting the
    /// machine's clock back must not put attempts off.
    next: Option<Instant>,
}

impl Held {
    /// Returns how much of `life` these credentials can promise at `now`.
    pub(super) fn life_within(&self, life: Duration, now: Timestamp) -> Duration {
        match self.expires_at {
            Some(expires_at) => {
                let left = now.duration_until(expires_at);
                life.min(left.try_into().unwrap_or(Duration::ZERO))
            }
            None => life,
        }
    }
}

impl Credentials {
    /// Starts to look for credentials without waiting for them.
    pub(super) fn new(source: Source, region: String, clock: Arc<dyn Clock>) -> Self {
        let shared = Shared {
            source,
            region,
            clock,
            state: RwLock::default(),
        };
        let credentials = Self {
            shared: Arc::new(shared),
            attempts: Arc::default(),
        };
        credentials.renew_in_background();
        credentials
    }

    /// Returns credentials to sign a URL that is to live for `life`.
    ///
    /// Waits for nothing as long as those at hand live for `life` or [`ENOUGH_LIFE`]. Otherwise they
    /// are renewed first, unless the last attempt was just now ([`ATTEMPT_PAUSE`]); what then has
    /// [`LEAST_LIFE`] left is returned.
    pub(super) async fn get(&self, life: Duration) -> Result<Arc<Held>, Error> {
        let now = self.shared.clock.now();
        if let Some(held) = self.shared.held(now, life.min(ENOUGH_LIFE)) {
            if held.renew_at <= now {
                self.renew_in_background();
            }
            return Ok(held);
        }
        self.renew().await;
        let now = self.shared.clock.now();
        self.shared
            .held(now, life.min(LEAST_LIFE))
            .ok_or_else(|| Error::Credentials(self.shared.failure().into()))
    }

    /// Attempts once, or waits for an attempt that is under way; does nothing soon after one.
    async fn renew(&self) {
        let attempts = Arc::clone(&self.attempts).lock_owned().await;
        if attempts.is_due() {
            // A task of its own: the attempt goes on when the request that started it is given up.
            // Where it panics, the state stays as it was.
            let _ = tokio::spawn(Arc::clone(&self.shared).attempt(attempts)).await;
        }
    }

    fn renew_in_background(&self) {
        // Not to be had: an attempt is under way.
        if let Ok(attempts) = Arc::clone(&self.attempts).try_lock_owned()
            && attempts.is_due()
        {
            tokio::spawn(Arc::clone(&self.shared).attempt(attempts));
        }
    }
}

impl Attempts {
    fn is_due(&self) -> bool {
        self.next.is_none_or(|next| Instant::now() >= next)
    }
}

impl Shared {
    /// Returns the credentials at hand if they have `life` left.
    fn held(&self, now: Timestamp, life: Duration) -> Option<Arc<Held>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let held = state.held.as_ref()?;
        (held.life_within(life, now) >= life).then(|| Arc::clone(held))
    }

    fn failure(&self) -> Failure {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        match (&state.failure, &state.held) {
            (Some(failure), _) => failure.clone(),
            (None, Some(held)) => Failure(describe_expiry(held.expires_at).into()),
            (None, None) => Failure("the search for them was cut short".into()),
        }
    }

    async fn attempt(self: Arc<Self>, mut attempts: OwnedMutexGuard<Attempts>) {
        let found = self.source.fetch(&self.region).await;
        let now = self.clock.now();
        let found = found.and_then(|found| match found.expires_at {
            Some(expires_at) if expires_at <= now => Err(describe_expiry(found.expires_at)),
            _ => Ok(hold(found, now)),
        });
        let pause = match &found {
            Ok(found) => found.life_within(ATTEMPT_PAUSE * 4, now) / 4,
            Err(_) => ATTEMPT_PAUSE,
        };
        attempts.next = Some(Instant::now() + pause);
        let result = if found.is_ok() { "ok" } else { "error" };
        metrics::counter!("event_history_credentials_refreshes_total", "result" => result)
            .increment(1);

        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(held) => {
                if state.failure.take().is_some() {
                    tracing::info!("AWS credentials are available again");
                }
                state.held = Some(Arc::new(held));
            }
            // Those at hand stay: they may be good for some time yet.
            Err(reason) => {
                let failure = Failure(reason.into());
                // Once for each outage, not for each attempt.
                if state.failure.replace(failure.clone()).is_none() {
                    tracing::warn!(reason = %failure, "AWS credentials cannot be obtained");
                }
            }
        }
    }
}

fn hold(found: Found, now: Timestamp) -> Held {
    let Found {
        credentials,
        expires_at,
    } = found;
    let wait = match expires_at {
        Some(expires_at) => {
            let left = now.duration_until(expires_at);
            left - RENEW_AHEAD.min(left / 2)
        }
        None => REREAD_AFTER,
    };
    Held {
        credentials,
        expires_at,
        renew_at: now.checked_add(wait).unwrap_or(Timestamp::MAX),
    }
}

fn describe_expiry(expires_at: Option<Timestamp>) -> String {
    match expires_at {
        Some(expires_at) => format!("those found expire at {expires_at:.0}: too soon to sign with"),
        None => "those found cannot sign".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{Found, hold};

    #[test]
    fn credentials_are_renewed_ahead_of_their_end() {
        for (life_minutes, renewed_after_minutes) in [
            (Some(6 * 60), 5 * 60 + 45),
            (Some(30), 15),
            (Some(20), 10),
            (Some(2), 1),
            (None, 15),
        ] {
            let now = Timestamp::UNIX_EPOCH;
            let found = Found {
                credentials: rusty_s3::Credentials::new("id", "secret"),
                expires_at: life_minutes.map(|minutes| now + SignedDuration::from_mins(minutes)),
            };
            let wait = SignedDuration::from_mins(renewed_after_minutes);
            assert_eq!(hold(found, now).renew_at, now + wait, "{life_minutes:?}");
        }
    }
}
