//! What each tenant, or each key, has used of the limits that they all have.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use uuid::Uuid;

use super::Standing;
use super::bucket::{Bucket, WINDOW_SECONDS};
use crate::domain::{Limit, LimitedParty, UsageLimits};

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Parties whose use is remembered before those are forgotten that have used nothing of late.
const MIN_KEPT: usize = 1024;

/// What a request takes of the limits.
#[derive(Debug, Clone, Copy)]
pub(in crate::service) enum Amount {
    Request,
    Events(u64),
    UploadBytes(u64),
}

/// Now, by the clock that measures and by the one that knows the day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) instant: Instant,
    pub(super) time: Timestamp,
}

/// The limits of all parties of one kind, and what each of them has used.
#[derive(Debug)]
pub(super) struct Usage {
    party: LimitedParty,
    limits: UsageLimits,
    table: Mutex<Table>,
}

/// The use of all parties of one kind, locked.
#[derive(Debug)]
pub(super) struct OpenUsage<'a> {
    limits: UsageLimits,
    party: LimitedParty,
    table: MutexGuard<'a, Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// By the id of a tenant or a key.
    uses: HashMap<Uuid, Use>,
    /// The number of parties at which idle ones are forgotten again.
    forget_at: usize,
}

#[derive(Debug)]
struct Use {
    requests: Bucket,
    events: Bucket,
    /// The day in UTC that the members below are about, counted from 1970.
    day: i64,
    events_of_day: u64,
    upload_bytes_of_day: u64,
}

impl Moment {
    pub(super) fn new(time: Timestamp) -> Self {
        Self {
            instant: Instant::now(),
            time,
        }
    }

    fn day(self) -> i64 {
        self.time.as_second().div_euclid(DAY_SECONDS)
    }

    fn until_tomorrow(self) -> Duration {
        let left = DAY_SECONDS - self.time.as_second().rem_euclid(DAY_SECONDS);
        Duration::from_secs(left.unsigned_abs())
    }
}

impl Usage {
    pub(super) fn new(party: LimitedParty, limits: UsageLimits) -> Self {
        Self {
            party,
            limits,
            table: Mutex::default(),
        }
    }

    /// Tells whether anything is limited here: the number of streams is counted elsewhere.
    pub(super) fn is_limited(&self) -> bool {
        let UsageLimits {
            requests_per_second,
            events_per_second,
            events_per_day,
            upload_bytes_per_day,
            streams: _,
        } = self.limits;
        let limits = [
            requests_per_second,
            events_per_second,
            events_per_day,
            upload_bytes_per_day,
        ];
        limits.iter().any(Option::is_some)
    }

    /// Returns `None` if nothing is limited here.
    pub(super) fn open(&self) -> Option<OpenUsage<'_>> {
        self.is_limited().then(|| OpenUsage {
            limits: self.limits,
            party: self.party,
            table: self.table.lock().unwrap_or_else(PoisonError::into_inner),
        })
    }

    #[cfg(test)]
    pub(super) fn parties(&self) -> usize {
        self.open().map_or(0, |it| it.table.uses.len())
    }
}

impl OpenUsage<'_> {
    pub(super) const fn party(&self) -> LimitedParty {
        self.party
    }

    /// Returns the limit that an amount would exceed, and how long it takes until it does not.
    pub(super) fn exceeded(
        &mut self,
        id: Uuid,
        amount: Amount,
        now: Moment,
    ) -> Option<(Limit, Duration)> {
        let limits = self.limits;
        let used = self.table.of(id, &limits, now);
        let of_day = |limit, quota: Option<u64>, used: u64, amount: u64| {
            let is_over = quota.is_some_and(|quota| used.saturating_add(amount) > quota);
            is_over.then(|| (limit, now.until_tomorrow()))
        };
        let of_second = |limit, rate: Option<u64>, bucket: &mut Bucket, amount| {
            let wait = bucket.wait(rate?, amount, now.instant);
            (!wait.is_zero()).then_some((limit, wait))
        };
        match amount {
            Amount::Request => of_second(
                Limit::Requests,
                limits.requests_per_second,
                &mut used.requests,
                1,
            ),
            Amount::Events(count) => of_day(
                Limit::EventsOfDay,
                limits.events_per_day,
                used.events_of_day,
                count,
            )
            .or_else(|| {
                let rate = limits.events_per_second;
                of_second(Limit::Events, rate, &mut used.events, count)
            }),
            Amount::UploadBytes(bytes) => of_day(
                Limit::UploadsOfDay,
                limits.upload_bytes_per_day,
                used.upload_bytes_of_day,
                bytes,
            ),
        }
    }

    pub(super) fn take(&mut self, id: Uuid, amount: Amount, now: Moment) {
        let limits = self.limits;
        let used = self.table.of(id, &limits, now);
        match amount {
            Amount::Request => used.requests.take(1),
            Amount::Events(count) => {
                used.events.take(count);
                used.events_of_day = used.events_of_day.saturating_add(count);
            }
            Amount::UploadBytes(bytes) => {
                used.upload_bytes_of_day = used.upload_bytes_of_day.saturating_add(bytes);
            }
        }
    }

    /// Returns what is left of each limit.
    pub(super) fn standings(&mut self, id: Uuid, now: Moment) -> Vec<Standing> {
        let (party, limits) = (self.party, self.limits);
        let used = self.table.of(id, &limits, now);
        let of_second = |limit, rate: Option<u64>, bucket: &mut Bucket| {
            let (left, full_after) = bucket.standing(rate?, now.instant);
            Some(Standing {
                party,
                limit,
                quota: rate?.saturating_mul(WINDOW_SECONDS),
                window: Duration::from_secs(WINDOW_SECONDS),
                left,
                full_after,
            })
        };
        let of_day = |limit, quota: Option<u64>, used: u64| {
            Some(Standing {
                party,
                limit,
                quota: quota?,
                window: Duration::from_secs(DAY_SECONDS.unsigned_abs()),
                left: quota?.saturating_sub(used),
                full_after: now.until_tomorrow(),
            })
        };
        let standings = [
            of_second(
                Limit::Requests,
                limits.requests_per_second,
                &mut used.requests,
            ),
            of_second(Limit::Events, limits.events_per_second, &mut used.events),
            of_day(
                Limit::EventsOfDay,
                limits.events_per_day,
                used.events_of_day,
            ),
            of_day(
                Limit::UploadsOfDay,
                limits.upload_bytes_per_day,
                used.upload_bytes_of_day,
            ),
        ];
        standings.into_iter().flatten().collect()
    }
}

impl Table {
    fn of(&mut self, id: Uuid, limits: &UsageLimits, now: Moment) -> &mut Use {
        let (instant, today) = (now.instant, now.day());
        let unlimited = |per_second: Option<u64>| per_second.unwrap_or(1);
        let requests_per_second = unlimited(limits.requests_per_second);
        let events_per_second = unlimited(limits.events_per_second);
        if self.uses.len() >= self.forget_at.max(MIN_KEPT) {
            self.uses.retain(|_, used| {
                let of_today = used.events_of_day.max(used.upload_bytes_of_day);
                let is_full =
                    |bucket: &mut Bucket, rate| bucket.wait(rate, u64::MAX, instant).is_zero();
                used.day == today && of_today > 0
                    || !is_full(&mut used.requests, requests_per_second)
                    || !is_full(&mut used.events, events_per_second)
            });
            self.forget_at = 2 * self.uses.len();
        }
        let used = self.uses.entry(id).or_insert_with(|| Use {
            requests: Bucket::full(requests_per_second, instant),
            events: Bucket::full(events_per_second, instant),
            day: today,
            events_of_day: 0,
            upload_bytes_of_day: 0,
        });
        if used.day != today {
            used.day = today;
            (used.events_of_day, used.upload_bytes_of_day) = (0, 0);
        }
        used
    }
}
