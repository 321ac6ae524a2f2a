//! A cache of AWS credentials: signing takes them without waiting, and they are refreshed in the background before they
//! expire.

mod provider_chain;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, OwnedMutexGuard};

use self::provider_chain::Fetched;
use crate::domain::Clock;
use crate::objects::Error;

pub(super) use provider_chain::ProviderChain;

/// The time before their expiry at which credentials are refreshed; halfway through their life if that is later. ECS and IMDSv2
/// hand out new ones at least 5 minutes ahead, and the rest is time for retries.
const REFRESH_AHEAD: SignedDuration = SignedDuration::from_mins(15);

/// The time for which credentials without an expiry are used, so that a rotated profile file takes effect without a restart.
const REFRESH_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// The pause between two attempts, so that an unreachable IMDS or a source of very short-lived credentials does not cost
/// every request a call. After a success it is at most a quarter of the credentials' life.
const ATTEMPT_PAUSE: Duration = Duration::from_secs(10);

/// Credentials that expire sooner than this, and sooner than the URL to be signed, are refreshed first. A user may begin
/// an upload some minutes after the URL was signed.
const DESIRED_LIFE: Duration = Duration::from_mins(5);

/// Credentials that expire sooner than this are not used: the URL would expire on its way to the user.
const MIN_LIFE: Duration = Duration::from_secs(5);

/// The cached credentials of one storage.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    shared: Arc<Shared>,
    /// Locked during an attempt, so that there is one at a time.
    attempts: Arc<Mutex<Attempts>>,
}

#[derive(Debug)]
struct Shared {
    chain: ProviderChain,
    region: String,
    clock: Arc<dyn Clock>,
    state: RwLock<State>,
}

/// The outcome of the last attempts.
#[derive(Debug, Default)]
struct State {
    cached: Option<Arc<Cached>>,
    /// Why the last attempt failed, if it did.
    failure: Option<Failure>,
}

/// Credentials in use. `Debug` shows only the key id.
#[derive(Debug)]
pub(super) struct Cached {
    pub(super) credentials: rusty_s3::Credentials,
    pub(super) expires_at: Option<Timestamp>,
    refresh_at: Timestamp,
}

/// Why there are no credentials.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
struct Failure(Arc<str>);

#[derive(Debug, Default)]
struct Attempts {
    /// When the next attempt may be made; `None` for now. Monotonic, because setting back the machine's clock must not
    /// delay attempts.
    next: Option<Instant>,
}

impl Cached {
    /// Limits `life` to what the credentials have left at `now`.
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
    /// Starts to fetch credentials in the background.
    pub(super) fn new(chain: ProviderChain, region: String, clock: Arc<dyn Clock>) -> Self {
        let shared = Shared {
            chain,
            region,
            clock,
            state: RwLock::default(),
        };
        let credentials = Self {
            shared: Arc::new(shared),
            attempts: Arc::default(),
        };
        credentials.refresh_in_background();
        credentials
    }

    /// Returns credentials to sign a URL with a life of `life`.
    ///
    /// Does not wait if the cached ones live for `life` or [`DESIRED_LIFE`]. Otherwise they are refreshed first, at most
    /// once in [`ATTEMPT_PAUSE`], and have to have [`MIN_LIFE`] left.
    pub(super) async fn get(&self, life: Duration) -> Result<Arc<Cached>, Error> {
        let now = self.shared.clock.now();
        if let Some(cached) = self.shared.cached(now, life.min(DESIRED_LIFE)) {
            if cached.refresh_at <= now {
                self.refresh_in_background();
            }
            return Ok(cached);
        }
        self.refresh().await;
        let now = self.shared.clock.now();
        self.shared
            .cached(now, life.min(MIN_LIFE))
            .ok_or_else(|| Error::Credentials(self.shared.failure().into()))
    }

    /// Makes an attempt, or waits for the current one; does nothing shortly after one.
    async fn refresh(&self) {
        let attempts = Arc::clone(&self.attempts).lock_owned().await;
        if attempts.is_due() {
            // Spawned so that it completes even if the request is canceled. If it panics, the state is unchanged.
            let _ = tokio::spawn(Arc::clone(&self.shared).attempt(attempts)).await;
        }
    }

    fn refresh_in_background(&self) {
        // The lock is taken while an attempt is being made.
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
    /// Returns the cached credentials if they have `life` left.
    fn cached(&self, now: Timestamp, life: Duration) -> Option<Arc<Cached>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let cached = state.cached.as_ref()?;
        (cached.life_within(life, now) >= life).then(|| Arc::clone(cached))
    }

    fn failure(&self) -> Failure {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        match (&state.failure, &state.cached) {
            (Some(failure), _) => failure.clone(),
            (None, Some(cached)) => Failure(describe_expiry(cached.expires_at).into()),
            (None, None) => Failure("the search for them was cut short".into()),
        }
    }

    async fn attempt(self: Arc<Self>, mut attempts: OwnedMutexGuard<Attempts>) {
        let fetched = self.chain.fetch(&self.region).await;
        let now = self.clock.now();
        let fetched = fetched.and_then(|fetched| match fetched.expires_at {
            Some(expires_at) if expires_at <= now => Err(describe_expiry(fetched.expires_at)),
            _ => Ok(cache(fetched, now)),
        });
        let pause = match &fetched {
            Ok(cached) => cached.life_within(ATTEMPT_PAUSE * 4, now) / 4,
            Err(_) => ATTEMPT_PAUSE,
        };
        attempts.next = Some(Instant::now() + pause);
        let result = if fetched.is_ok() { "ok" } else { "error" };
        metrics::counter!("event_history_credentials_refreshes_total", "result" => result)
            .increment(1);

        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(cached) => {
                if state.failure.take().is_some() {
                    tracing::info!("AWS credentials are available again");
                }
                state.cached = Some(Arc::new(cached));
            }
            // The cached ones stay: they may be valid for some time yet.
            Err(reason) => {
                let failure = Failure(reason.into());
                // Logged once per outage, not per attempt.
                if state.failure.replace(failure.clone()).is_none() {
                    tracing::warn!(reason = %failure, "AWS credentials cannot be obtained");
                }
            }
        }
    }
}

fn cache(fetched: Fetched, now: Timestamp) -> Cached {
    let Fetched {
        credentials,
        expires_at,
    } = fetched;
    let wait = match expires_at {
        Some(expires_at) => {
            let left = now.duration_until(expires_at);
            left - REFRESH_AHEAD.min(left / 2)
        }
        None => REFRESH_AFTER,
    };
    Cached {
        credentials,
        expires_at,
        refresh_at: now.checked_add(wait).unwrap_or(Timestamp::MAX),
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

    use super::{Fetched, cache};

    #[test]
    fn credentials_are_refreshed_before_they_expire() {
        for (life_minutes, refreshed_after_minutes) in [
            (Some(6 * 60), 5 * 60 + 45),
            (Some(30), 15),
            (Some(20), 10),
            (Some(2), 1),
            (None, 15),
        ] {
            let now = Timestamp::UNIX_EPOCH;
            let fetched = Fetched {
                credentials: rusty_s3::Credentials::new("id", "secret"),
                expires_at: life_minutes.map(|minutes| now + SignedDuration::from_mins(minutes)),
            };
            let wait = SignedDuration::from_mins(refreshed_after_minutes);
            assert_eq!(
                cache(fetched, now).refresh_at,
                now + wait,
                "{life_minutes:?}"
            );
        }
    }
}
