//! How much each tenant does, and what of that is refused.
//!
//! The limits are those of one replica: what several replicas have granted is not added up, since that would make each request
//! wait for another machine. A tenant that is over its limit is refused before its work begins, so that others never wait for it.

mod bucket;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Error;
use crate::domain::{ClientId, Limit, TenantLimits};
use bucket::{Bucket, WINDOW_SECONDS};

const REFUSALS: &str = "event_history_limited_requests_total";

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Tenants whose use is remembered before those are forgotten that have used nothing of late.
const MIN_KEPT: usize = 1024;

tokio::task_local! {
    /// The tenant that the current request is about, once it is known.
    static TENANT: Cell<Option<ClientId>>;
}

/// What a tenant has left of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub limit: Limit,
    /// Granted in each window.
    pub quota: u64,
    pub window: Duration,
    pub left: u64,
    /// Until all of it is there again.
    pub full_after: Duration,
}

/// The limits of all tenants, and what each of them has used.
#[derive(Debug, Default)]
pub struct Limits {
    limits: TenantLimits,
    uses: Mutex<Uses>,
}

#[derive(Debug, Default)]
struct Uses {
    of_tenants: HashMap<ClientId, Use>,
    /// The number of tenants at which idle ones are forgotten again.
    forget_at: usize,
}

#[derive(Debug)]
struct Use {
    requests: Bucket,
    events: Bucket,
    /// The day in UTC that `events_of_day` is about, counted from 1970.
    day: i64,
    events_of_day: u64,
}

pub(super) fn describe_metrics() {
    metrics::describe_counter!(
        REFUSALS,
        "Requests refused by a limit of their tenant: requests, events, events-day"
    );
}

impl Limits {
    pub fn new(limits: TenantLimits) -> Self {
        Self {
            limits,
            uses: Mutex::default(),
        }
    }

    /// Runs the answering of a request, and returns what its tenant has left then: nothing if it is not limited, or about no
    /// tenant.
    pub async fn observe<T>(
        &self,
        now: impl Fn() -> Timestamp,
        answering: impl Future<Output = T>,
    ) -> (T, Vec<Standing>) {
        if !self.is_limited() {
            return (answering.await, Vec::new());
        }
        let answering = async {
            let answer = answering.await;
            (answer, TENANT.with(Cell::get))
        };
        let (answer, tenant) = TENANT.scope(Cell::new(None), answering).await;
        let standings = tenant.map(|tenant| self.standings(tenant, Instant::now(), now()));
        (answer, standings.unwrap_or_default())
    }

    /// Counts a request of a tenant, unless it is over its limit.
    pub(super) fn take_request(&self, tenant: ClientId, now: Timestamp) -> Result<(), Error> {
        if !self.is_limited() {
            return Ok(());
        }
        let _ = TENANT.try_with(|it| it.set(Some(tenant))); // nobody asks what is left outside of a request
        let Some(per_second) = self.limits.requests_per_second else {
            return Ok(());
        };
        let instant = Instant::now();
        let mut tenants = self.uses();
        let used = tenants.of(tenant, self.limits, instant, now);
        let wait = used.requests.wait(per_second, 1, instant);
        if wait.is_zero() {
            used.requests.take(1);
            return Ok(());
        }
        Err(refusal(Limit::Requests, wait))
    }

    /// Counts events of a tenant, all or none of them. With `take` unset, it only tells whether it would.
    pub(super) fn take_events(
        &self,
        tenant: ClientId,
        count: u64,
        now: Timestamp,
        take: bool,
    ) -> Result<(), Error> {
        let TenantLimits {
            events_per_second,
            events_per_day,
            requests_per_second: _,
            streams: _,
        } = self.limits;
        if events_per_second.is_none() && events_per_day.is_none() {
            return Ok(());
        }
        let instant = Instant::now();
        let mut tenants = self.uses();
        let used = tenants.of(tenant, self.limits, instant, now);
        if let Some(quota) = events_per_day
            && used.events_of_day.saturating_add(count) > quota
        {
            return Err(refusal(Limit::EventsOfDay, until_tomorrow(now)));
        }
        if let Some(per_second) = events_per_second {
            let wait = used.events.wait(per_second, count, instant);
            if !wait.is_zero() {
                return Err(refusal(Limit::Events, wait));
            }
        }
        if take {
            used.events.take(count);
            used.events_of_day += count;
        }
        Ok(())
    }

    fn standings(&self, tenant: ClientId, instant: Instant, now: Timestamp) -> Vec<Standing> {
        let mut tenants = self.uses();
        let used = tenants.of(tenant, self.limits, instant, now);
        let of_bucket = |limit, bucket: &mut Bucket, per_second: u64| {
            let (left, full_after) = bucket.standing(per_second, instant);
            Standing {
                limit,
                quota: per_second.saturating_mul(WINDOW_SECONDS),
                window: Duration::from_secs(WINDOW_SECONDS),
                left,
                full_after,
            }
        };
        let mut standings = Vec::new();
        if let Some(per_second) = self.limits.requests_per_second {
            standings.push(of_bucket(Limit::Requests, &mut used.requests, per_second));
        }
        if let Some(per_second) = self.limits.events_per_second {
            standings.push(of_bucket(Limit::Events, &mut used.events, per_second));
        }
        if let Some(quota) = self.limits.events_per_day {
            standings.push(Standing {
                limit: Limit::EventsOfDay,
                quota,
                window: Duration::from_secs(DAY_SECONDS.unsigned_abs()),
                left: quota.saturating_sub(used.events_of_day),
                full_after: until_tomorrow(now),
            });
        }
        standings
    }

    fn is_limited(&self) -> bool {
        let TenantLimits {
            requests_per_second,
            events_per_second,
            events_per_day,
            streams: _,
        } = self.limits;
        requests_per_second.is_some() || events_per_second.is_some() || events_per_day.is_some()
    }

    fn uses(&self) -> MutexGuard<'_, Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Uses {
    fn of(
        &mut self,
        tenant: ClientId,
        limits: TenantLimits,
        instant: Instant,
        now: Timestamp,
    ) -> &mut Use {
        let today = now.as_second().div_euclid(DAY_SECONDS);
        let unlimited = |per_second: Option<u64>| per_second.unwrap_or(1);
        let requests_per_second = unlimited(limits.requests_per_second);
        let events_per_second = unlimited(limits.events_per_second);
        if self.of_tenants.len() >= self.forget_at.max(MIN_KEPT) {
            self.of_tenants.retain(|_, used| {
                used.day == today && used.events_of_day > 0
                    || !used
                        .requests
                        .wait(requests_per_second, u64::MAX, instant)
                        .is_zero()
                    || !used
                        .events
                        .wait(events_per_second, u64::MAX, instant)
                        .is_zero()
            });
            self.forget_at = 2 * self.of_tenants.len();
        }
        let used = self.of_tenants.entry(tenant).or_insert_with(|| Use {
            requests: Bucket::full(requests_per_second, instant),
            events: Bucket::full(events_per_second, instant),
            day: today,
            events_of_day: 0,
        });
        if used.day != today {
            (used.day, used.events_of_day) = (today, 0);
        }
        used
    }
}

fn refusal(limit: Limit, wait: Duration) -> Error {
    metrics::counter!(REFUSALS, "limit" => limit.name()).increment(1);
    Error::LimitReached { limit, wait }
}

fn until_tomorrow(now: Timestamp) -> Duration {
    let left = DAY_SECONDS - now.as_second().rem_euclid(DAY_SECONDS);
    Duration::from_secs(left.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::{Error, Limits};
    use crate::domain::{ClientId, Limit, SystemEntropy, TenantLimits};

    fn limits(requests: u64, events: u64, day: u64) -> (Limits, ClientId) {
        let limits = TenantLimits {
            requests_per_second: Some(requests),
            events_per_second: Some(events),
            events_per_day: Some(day),
            streams: None,
        };
        (Limits::new(limits), ClientId::random(&SystemEntropy))
    }

    fn reached(outcome: Result<(), Error>) -> Option<(Limit, u64)> {
        match outcome {
            Ok(()) => None,
            Err(Error::LimitReached { limit, wait }) => Some((limit, wait.as_secs())),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn each_tenant_has_limits_of_its_own() {
        let (limits, one) = limits(1, 1000, 1000);
        let other = ClientId::random(&SystemEntropy);
        let now = "2026-11-27T10:00:00Z".parse().unwrap();
        for _ in 0..10 {
            assert_eq!(reached(limits.take_request(one, now)), None);
        }
        let (limit, _) = reached(limits.take_request(one, now)).unwrap();
        assert_eq!(limit, Limit::Requests);
        assert_eq!(reached(limits.take_request(other, now)), None);
    }

    #[test]
    fn the_quota_of_a_day_ends_at_midnight_and_counts_whole_batches() {
        let (limits, tenant) = limits(1000, 1_000_000, 100);
        let late = "2026-11-27T23:59:00Z".parse().unwrap();
        let take = |count, now| reached(limits.take_events(tenant, count, now, true));
        assert_eq!(take(90, late), None);
        assert_eq!(take(11, late), Some((Limit::EventsOfDay, 60)));
        assert_eq!(take(10, late), None);
        assert_eq!(take(1, late), Some((Limit::EventsOfDay, 60)));
        let tomorrow = "2026-11-28T00:00:00Z".parse().unwrap();
        assert_eq!(
            reached(limits.take_events(tenant, 1, tomorrow, false)),
            None
        );
        assert_eq!(take(100, tomorrow), None);
        assert_eq!(take(1, tomorrow), Some((Limit::EventsOfDay, 86_400)));
    }

    #[test]
    fn what_one_limit_refuses_is_not_taken_from_the_other() {
        let (limits, tenant) = limits(1000, 1, 100);
        let now = "2026-11-27T10:00:00Z".parse().unwrap();
        let take = |count| reached(limits.take_events(tenant, count, now, true));
        assert_eq!(take(10), None);
        assert_eq!(take(20).map(|it| it.0), Some(Limit::Events));
        let standings = limits.standings(tenant, std::time::Instant::now(), now);
        let left: Vec<_> = standings.iter().map(|it| (it.limit, it.left)).collect();
        assert_eq!(
            left,
            [
                (Limit::Requests, 10_000),
                (Limit::Events, 0),
                (Limit::EventsOfDay, 90)
            ]
        );
    }

    #[test]
    fn idle_tenants_are_forgotten() {
        let (limits, _) = limits(1000, 1000, 1000);
        let now = "2026-11-27T10:00:00Z".parse().unwrap();
        for _ in 0..5000 {
            let tenant = ClientId::random(&SystemEntropy);
            assert_eq!(reached(limits.take_events(tenant, 1, now, false)), None);
        }
        assert!(limits.uses().of_tenants.len() <= 2 * super::MIN_KEPT);
    }
}
