//! Bounds the requests that take long, and ends those that wait when the service shuts down.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::{ClientId, KeyId, LimitedParty};

/// One tenant has this fraction of the requests at most.
const TENANT_DIVISOR: usize = 2;

/// Requests of one kind that take long: each holds a connection, and between two reads nothing else.
#[derive(Debug)]
pub struct Waiters {
    limit: usize,
    party_limits: PartyLimits,
    /// The metric of their number.
    gauge: &'static str,
    waiting: Mutex<Waiting>,
    shutting_down: watch::Sender<bool>,
}

/// The operator's limits for one tenant and for one stored key; `None`: no limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct PartyLimits {
    pub tenant: Option<usize>,
    pub key: Option<usize>,
}

#[derive(Debug, Default)]
struct Waiting {
    total: usize,
    of_tenants: HashMap<ClientId, usize>,
    of_keys: HashMap<KeyId, usize>,
}

/// The place of one such request.
#[derive(Debug)]
pub(crate) struct Waiter {
    waiters: Arc<Waiters>,
    tenant: ClientId,
    key: Option<KeyId>,
    shutting_down: watch::Receiver<bool>,
}

/// There is no place for one more. Says who has as many as the operator allows one; `None`: there are too many, of this tenant
/// or in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full(pub(crate) Option<LimitedParty>);

impl Waiters {
    /// At most `limit` requests at once; `gauge` is the metric of their number.
    pub fn new(limit: usize, party_limits: PartyLimits, gauge: &'static str) -> Arc<Self> {
        Arc::new(Self {
            limit,
            party_limits,
            gauge,
            waiting: Mutex::default(),
            shutting_down: watch::Sender::new(false),
        })
    }

    /// Takes a place for a request of a tenant, and of the stored key whose limit applies if there is one.
    pub(crate) fn enter(
        self: &Arc<Self>,
        tenant: ClientId,
        key: Option<KeyId>,
    ) -> Result<Waiter, Full> {
        let mut waiting = self.waiting();
        let of_tenant = count(&waiting.of_tenants, &tenant);
        let of_key = key.map_or(0, |key| count(&waiting.of_keys, &key));
        let PartyLimits {
            tenant: tenant_limit,
            key: key_limit,
        } = self.party_limits;
        if tenant_limit.is_some_and(|limit| of_tenant >= limit) {
            return Err(Full(Some(LimitedParty::Tenant)));
        }
        if key_limit.is_some_and(|limit| of_key >= limit) {
            return Err(Full(Some(LimitedParty::Key)));
        }
        if waiting.total >= self.limit || of_tenant >= self.limit.div_ceil(TENANT_DIVISOR) {
            return Err(Full(None));
        }
        waiting.total += 1;
        *waiting.of_tenants.entry(tenant).or_default() += 1;
        if let Some(key) = key {
            *waiting.of_keys.entry(key).or_default() += 1;
        }
        self.report(waiting.total);
        Ok(Waiter {
            waiters: Arc::clone(self),
            tenant,
            key,
            shutting_down: self.shutting_down.subscribe(),
        })
    }

    /// Ends all waiting, now and later.
    pub fn shut_down(&self) {
        self.shutting_down.send_replace(true);
    }

    fn report(&self, waiting: usize) {
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        metrics::gauge!(self.gauge).set(f64::from(waiting));
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Returns when the service shuts down.
    pub(crate) async fn shutdown(&mut self) {
        // An error means that the service is gone.
        let _ = self.shutting_down.wait_for(|it| *it).await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.waiters.waiting();
        waiting.total -= 1;
        leave(&mut waiting.of_tenants, self.tenant);
        if let Some(key) = self.key {
            leave(&mut waiting.of_keys, key);
        }
        self.waiters.report(waiting.total);
    }
}

fn count<K: Eq + Hash>(counts: &HashMap<K, usize>, party: &K) -> usize {
    counts.get(party).copied().unwrap_or_default()
}

fn leave<K: Eq + Hash>(counts: &mut HashMap<K, usize>, party: K) {
    if let Entry::Occupied(mut entry) = counts.entry(party) {
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{Full, PartyLimits, Waiters};
    use crate::domain::{ClientId, KeyId, LimitedParty, SystemEntropy};

    const GAUGE: &str = "event_history_feed_waiters";

    #[test]
    fn tenants_and_keys_have_the_limits_that_the_operator_sets() {
        let party_limits = PartyLimits {
            tenant: Some(3),
            key: Some(2),
        };
        let waiters = Waiters::new(100, party_limits, GAUGE);
        let [one, other] = [(); 2].map(|()| ClientId::random(&SystemEntropy));
        let key = Some(KeyId::random(&SystemEntropy));
        let mut first = vec![
            waiters.enter(one, key).unwrap(),
            waiters.enter(one, key).unwrap(),
        ];
        let of_key = Full(Some(LimitedParty::Key));
        for tenant in [one, other] {
            assert_eq!(waiters.enter(tenant, key).unwrap_err(), of_key);
        }
        first.push(waiters.enter(one, None).unwrap());
        let of_tenant = Full(Some(LimitedParty::Tenant));
        assert_eq!(waiters.enter(one, None).unwrap_err(), of_tenant);
        let another_key = Some(KeyId::random(&SystemEntropy));
        assert!(waiters.enter(other, another_key).is_ok());
        drop(first);
        assert!(waiters.enter(one, key).is_ok());
        let waiting = waiters.waiting();
        assert_eq!(waiting.total, 0);
        assert!(waiting.of_tenants.is_empty() && waiting.of_keys.is_empty());
    }

    #[test]
    fn waiting_is_bounded_and_ends() {
        let waiters = Waiters::new(4, PartyLimits::default(), GAUGE);
        let [one, other] = [(); 2].map(|()| ClientId::random(&SystemEntropy));
        let mut first = waiters.enter(one, None).unwrap();
        let second = waiters.enter(one, None).unwrap();
        assert!(
            waiters.enter(one, None).is_err(),
            "half of all is one tenant's"
        );
        let _others = [
            waiters.enter(other, None).unwrap(),
            waiters.enter(other, None).unwrap(),
        ];
        drop(second);
        assert!(waiters.enter(one, None).is_ok());
        assert!(waiters.enter(other, None).is_err());
        assert!(first.shutdown().now_or_never().is_none());
        waiters.shut_down();
        assert!(first.shutdown().now_or_never().is_some());
        drop(first);
        let late = waiters.enter(one, None).unwrap().shutdown().now_or_never();
        assert!(late.is_some());
    }
}
