//! Bounds the requests that take long, and ends those that wait when the service shuts down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::ClientId;

/// One tenant has this fraction of the requests at most.
const TENANT_DIVISOR: usize = 2;

/// Requests of one kind that take long: each holds a connection, and between two reads nothing else.
#[derive(Debug)]
pub struct Waiters {
    limit: usize,
    /// The operator's limit for one tenant.
    tenant_limit: Option<usize>,
    /// The metric of their number.
    gauge: &'static str,
    waiting: Mutex<HashMap<ClientId, usize>>,
    shutting_down: watch::Sender<bool>,
}

/// The place of one such request.
#[derive(Debug)]
pub(crate) struct Waiter {
    waiters: Arc<Waiters>,
    tenant: ClientId,
    shutting_down: watch::Receiver<bool>,
}

/// Why there is no place for one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// There are too many, of this tenant or in all.
    Service,
    /// The tenant has as many as the operator allows one.
    Tenant,
}

impl Waiters {
    /// At most `limit` requests at once, and `tenant_limit` of one tenant; `gauge` is the metric of their number.
    pub fn new(limit: usize, tenant_limit: Option<usize>, gauge: &'static str) -> Arc<Self> {
        Arc::new(Self {
            limit,
            tenant_limit,
            gauge,
            waiting: Mutex::default(),
            shutting_down: watch::Sender::new(false),
        })
    }

    pub(crate) fn enter(self: &Arc<Self>, tenant: ClientId) -> Result<Waiter, Full> {
        let mut waiting = self.waiting();
        let total: usize = waiting.values().sum();
        let of_tenant = waiting.get(&tenant).copied().unwrap_or_default();
        if self.tenant_limit.is_some_and(|limit| of_tenant >= limit) {
            return Err(Full::Tenant);
        }
        if total >= self.limit || of_tenant >= self.limit.div_ceil(TENANT_DIVISOR) {
            return Err(Full::Service);
        }
        waiting.insert(tenant, of_tenant + 1);
        self.report(total + 1);
        Ok(Waiter {
            waiters: Arc::clone(self),
            tenant,
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

    fn waiting(&self) -> MutexGuard<'_, HashMap<ClientId, usize>> {
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
        if let Some(of_tenant) = waiting.get_mut(&self.tenant) {
            *of_tenant -= 1;
            if *of_tenant == 0 {
                waiting.remove(&self.tenant);
            }
        }
        self.waiters.report(waiting.values().sum());
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{Full, Waiters};
    use crate::domain::{ClientId, SystemEntropy};

    #[test]
    fn a_tenant_has_the_limit_that_the_operator_sets() {
        let waiters = Waiters::new(100, Some(2), "event_history_feed_waiters");
        let [one, other] = [(); 2].map(|()| ClientId::random(&SystemEntropy));
        let first = [waiters.enter(one).unwrap(), waiters.enter(one).unwrap()];
        assert_eq!(waiters.enter(one).unwrap_err(), Full::Tenant);
        assert!(waiters.enter(other).is_ok());
        drop(first);
        assert!(waiters.enter(one).is_ok());
    }

    #[test]
    fn waiting_is_bounded_and_ends() {
        let waiters = Waiters::new(4, None, "event_history_feed_waiters");
        let [one, other] = [(); 2].map(|()| ClientId::random(&SystemEntropy));
        let mut first = waiters.enter(one).unwrap();
        let second = waiters.enter(one).unwrap();
        assert!(waiters.enter(one).is_err(), "half of all is one tenant's");
        let _others = [waiters.enter(other).unwrap(), waiters.enter(other).unwrap()];
        drop(second);
        assert!(waiters.enter(one).is_ok());
        assert!(waiters.enter(other).is_err());
        assert!(first.shutdown().now_or_never().is_none());
        waiters.shut_down();
        assert!(first.shutdown().now_or_never().is_some());
        drop(first);
        let late = waiters.enter(one).unwrap().shutdown().now_or_never();
        assert!(late.is_some());
    }
}
