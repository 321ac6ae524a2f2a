//! How much each tenant and each key does, and what of that is refused.
//!
//! The limits are those of one replica: what several replicas have granted is not added up, since that would make each request
//! wait for another machine. Who is over a limit is refused before its work begins, so that others never wait for it.

mod bucket;
mod usage;

use std::cell::Cell;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use self::usage::{Moment, OpenUsage, Usage};
use super::Error;
use crate::domain::{ClientId, KeyId, Limit, LimitedParty, UsageLimits};

pub(super) use self::usage::Amount;

const REFUSALS: &str = "event_history_limited_requests_total";

tokio::task_local! {
    /// Who is charged for the current request, as far as it is known.
    static CHARGED: Cell<Charged>;
}

/// Who is charged for what a request does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Charged {
    pub(super) tenant: Option<ClientId>,
    /// The stored key with which it was sent, or with which its view token was made.
    pub(super) key: Option<KeyId>,
}

/// What a tenant or a key has left of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub party: LimitedParty,
    pub limit: Limit,
    /// Granted in each window.
    pub quota: u64,
    pub window: Duration,
    pub left: u64,
    /// Until all of it is there again.
    pub full_after: Duration,
}

/// The limits of all tenants and keys, and what each of them has used.
#[derive(Debug)]
pub struct Limits {
    tenants: Usage,
    keys: Usage,
}

pub(super) fn describe_metrics() {
    metrics::describe_counter!(
        REFUSALS,
        "Requests refused by a limit of their tenant or key: requests, events, events-day, uploads-day, key-requests, \
         key-events, key-events-day, key-uploads-day"
    );
}

impl Limits {
    /// Limits each tenant, and each stored key.
    pub fn new(of_tenant: UsageLimits, of_key: UsageLimits) -> Self {
        Self {
            tenants: Usage::new(LimitedParty::Tenant, of_tenant),
            keys: Usage::new(LimitedParty::Key, of_key),
        }
    }

    /// Runs the answering of a request, and returns what its tenant and its key have left then: nothing if they are not
    /// limited, or it has none.
    pub async fn observe<T>(
        &self,
        now: impl Fn() -> Timestamp,
        answering: impl Future<Output = T>,
    ) -> (T, Vec<Standing>) {
        if !self.tenants.is_limited() && !self.keys.is_limited() {
            return (answering.await, Vec::new());
        }
        let answering = async {
            let answer = answering.await;
            (answer, CHARGED.with(Cell::get))
        };
        let (answer, charged) = CHARGED.scope(Cell::default(), answering).await;
        (answer, self.standings(charged, Moment::new(now())))
    }

    /// Counts an amount, for everyone who is charged or for no one: it is refused if it exceeds any limit.
    pub(super) fn take(
        &self,
        charged: Charged,
        amount: Amount,
        now: Timestamp,
    ) -> Result<(), Error> {
        let now = Moment::new(now);
        let mut accounts = self.accounts(charged);
        require(&mut accounts, amount, now)?;
        for (id, usage) in accounts.iter_mut().flatten() {
            usage.take(*id, amount, now);
        }
        Ok(())
    }

    /// Fails if an amount would be refused now. Counts nothing.
    pub(super) fn require(
        &self,
        charged: Charged,
        amount: Amount,
        now: Timestamp,
    ) -> Result<(), Error> {
        require(&mut self.accounts(charged), amount, Moment::new(now))
    }

    fn standings(&self, charged: Charged, now: Moment) -> Vec<Standing> {
        let mut accounts = self.accounts(charged);
        let accounts = accounts.iter_mut().flatten();
        let standings = accounts.map(|(id, usage)| usage.standings(*id, now));
        standings.flatten().collect()
    }

    /// Returns those who are charged and limited. Always locks tenants before keys.
    fn accounts(&self, charged: Charged) -> [Option<(Uuid, OpenUsage<'_>)>; 2] {
        let Charged { tenant, key } = charged;
        let tenant = tenant.and_then(|id| Some((id.uuid(), self.tenants.open()?)));
        let key = key.and_then(|id| Some((id.uuid(), self.keys.open()?)));
        [tenant, key]
    }
}

impl Charged {
    /// Remembers who is charged for the current request, so that its response says what they have left.
    pub(super) fn remember(self) {
        let _ = CHARGED.try_with(|it| it.set(self)); // nobody asks what is left outside of a request
    }
}

fn require(
    accounts: &mut [Option<(Uuid, OpenUsage<'_>)>],
    amount: Amount,
    now: Moment,
) -> Result<(), Error> {
    for (id, usage) in accounts.iter_mut().flatten() {
        if let Some((limit, wait)) = usage.exceeded(*id, amount, now) {
            let party = usage.party();
            metrics::counter!(REFUSALS, "limit" => party.limit_name(limit)).increment(1);
            return Err(Error::LimitReached { party, limit, wait });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::usage::Moment;
    use super::{Amount, Charged, Error, Limits};
    use crate::domain::{ClientId, KeyId, Limit, LimitedParty, SystemEntropy, UsageLimits};

    fn usage_limits(requests: u64, events: u64, day: u64) -> UsageLimits {
        UsageLimits {
            requests_per_second: Some(requests),
            events_per_second: Some(events),
            events_per_day: Some(day),
            upload_bytes_per_day: Some(1000),
            streams: None,
        }
    }

    fn limits(requests: u64, events: u64, day: u64) -> (Limits, Charged) {
        let of_tenant = usage_limits(requests, events, day);
        (Limits::new(of_tenant, UsageLimits::default()), tenant())
    }

    fn tenant() -> Charged {
        Charged {
            tenant: Some(ClientId::random(&SystemEntropy)),
            key: None,
        }
    }

    fn with_key(charged: Charged) -> Charged {
        Charged {
            key: Some(KeyId::random(&SystemEntropy)),
            ..charged
        }
    }

    fn now() -> Timestamp {
        "2026-11-27T10:00:00Z".parse().unwrap()
    }

    fn reached(outcome: Result<(), Error>) -> Option<(LimitedParty, Limit, u64)> {
        match outcome {
            Ok(()) => None,
            Err(Error::LimitReached { party, limit, wait }) => Some((party, limit, wait.as_secs())),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn each_tenant_has_limits_of_its_own() {
        let (limits, one) = limits(1, 1000, 1000);
        for _ in 0..10 {
            assert_eq!(reached(limits.take(one, Amount::Request, now())), None);
        }
        let (party, limit, _) = reached(limits.take(one, Amount::Request, now())).unwrap();
        assert_eq!((party, limit), (LimitedParty::Tenant, Limit::Requests));
        assert_eq!(reached(limits.take(tenant(), Amount::Request, now())), None);
    }

    #[test]
    fn the_quota_of_a_day_ends_at_midnight_and_counts_whole_batches() {
        let (limits, tenant) = limits(1000, 1_000_000, 100);
        let late = "2026-11-27T23:59:00Z".parse().unwrap();
        let reached = |outcome| reached(outcome).map(|(_, limit, wait)| (limit, wait));
        let take = |count, now| reached(limits.take(tenant, Amount::Events(count), now));
        assert_eq!(take(90, late), None);
        assert_eq!(take(11, late), Some((Limit::EventsOfDay, 60)));
        assert_eq!(take(10, late), None);
        assert_eq!(take(1, late), Some((Limit::EventsOfDay, 60)));
        let upload = |bytes, now| reached(limits.take(tenant, Amount::UploadBytes(bytes), now));
        assert_eq!(upload(1000, late), None);
        assert_eq!(upload(1, late), Some((Limit::UploadsOfDay, 60)));
        assert_eq!(upload(0, late), None);
        assert_eq!(upload(u64::MAX, late), Some((Limit::UploadsOfDay, 60)));
        let tomorrow = "2026-11-28T00:00:00Z".parse().unwrap();
        let one = limits.require(tenant, Amount::Events(1), tomorrow);
        assert_eq!(reached(one), None);
        assert_eq!(take(100, tomorrow), None);
        assert_eq!(take(1, tomorrow), Some((Limit::EventsOfDay, 86_400)));
        assert_eq!(upload(1000, tomorrow), None);
    }

    #[test]
    fn what_one_limit_refuses_is_not_taken_from_the_other() {
        let (limits, tenant) = limits(1000, 1, 100);
        let take = |count| reached(limits.take(tenant, Amount::Events(count), now()));
        assert_eq!(take(10), None);
        assert_eq!(take(20).map(|it| it.1), Some(Limit::Events));
        let standings = limits.standings(tenant, Moment::new(now()));
        let left: Vec<_> = standings.iter().map(|it| (it.limit, it.left)).collect();
        let expected = [
            (Limit::Requests, 10_000),
            (Limit::Events, 0),
            (Limit::EventsOfDay, 90),
            (Limit::UploadsOfDay, 1000),
        ];
        assert_eq!(left, expected);
    }

    #[test]
    fn a_key_has_limits_beside_those_of_its_tenant() {
        let limits = Limits::new(usage_limits(1000, 1000, 100), usage_limits(1000, 1000, 60));
        let one = tenant();
        let (key, other_key) = (with_key(one), with_key(one));
        let take = |charged, count| {
            let outcome = reached(limits.take(charged, Amount::Events(count), now()));
            outcome.map(|(party, limit, _)| (party, limit))
        };
        assert_eq!(take(key, 60), None);
        let of_key = Some((LimitedParty::Key, Limit::EventsOfDay));
        assert_eq!(take(key, 1), of_key);
        // What the key was refused is not taken from the tenant, which another key, or none, still uses.
        assert_eq!(take(other_key, 39), None);
        assert_eq!(take(one, 1), None);
        let of_tenant = Some((LimitedParty::Tenant, Limit::EventsOfDay));
        assert_eq!(take(other_key, 1), of_tenant);
        // And the other way round.
        let elsewhere = Charged {
            tenant: tenant().tenant,
            ..other_key
        };
        assert_eq!(take(elsewhere, 21), None);
        assert_eq!(
            take(elsewhere, 1),
            of_key,
            "a key has one quota for all tenants"
        );
        let standings = limits.standings(other_key, Moment::new(now()));
        let of_day = standings.iter().filter(|it| it.limit == Limit::EventsOfDay);
        let left: Vec<_> = of_day.map(|it| (it.party, it.left)).collect();
        assert_eq!(left, [(LimitedParty::Tenant, 0), (LimitedParty::Key, 0)]);
    }

    #[test]
    fn a_limit_of_keys_alone_is_not_one_of_tenants() {
        let limits = Limits::new(UsageLimits::default(), usage_limits(1, 1, 1));
        let one = tenant();
        for _ in 0..100 {
            assert_eq!(reached(limits.take(one, Amount::Request, now())), None);
        }
        assert!(limits.standings(one, Moment::new(now())).is_empty());
        let key = with_key(one);
        assert_eq!(limits.standings(key, Moment::new(now())).len(), 4);
    }

    #[test]
    fn idle_tenants_are_forgotten() {
        let (limits, _) = limits(1000, 1000, 1000);
        for _ in 0..5000 {
            let outcome = limits.require(tenant(), Amount::Events(1), now());
            assert_eq!(reached(outcome), None);
        }
        assert!(limits.tenants.parties() <= 2048);
    }
}
