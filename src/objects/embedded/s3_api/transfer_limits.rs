//! Limits concurrent requests in all, per client and per object, so that one URL cannot take every
//! connection.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ObjectKey;
use crate::objects::{Capacity, RequestOrigin, TransferLimits};

/// Concurrent writes to one object: few clients send more than ten parts at a time.
const MAX_WRITERS: usize = 32;

/// The prefix of an IPv6 address that identifies a client: networks assign no less.
const IPV6_CLIENT_BITS: u32 = 64;

/// Counts the requests in progress and grants permits for new ones.
#[derive(Debug)]
pub(super) struct TransferLimiter {
    limits: Option<TransferLimits>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
    by_object: HashMap<String, usize>,
}

/// The permit of a request, which counts until the permit is dropped.
#[derive(Debug)]
pub(super) struct TransferPermit {
    limiter: Arc<TransferLimiter>,
    client: Option<IpAddr>,
    object: Option<String>,
}

/// The limit because of which a request has to be retried later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Busy {
    /// All connections are in use, or all that are available to transfers.
    Service,
    /// The client has as many requests as it may have.
    Client,
    /// The object has as many writers as it may have.
    Object,
}

impl TransferLimiter {
    /// `None`: there are no limits.
    pub(super) fn new(limits: Option<TransferLimits>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            counts: Mutex::default(),
        })
    }

    /// Admits a request. `written` is the object that it writes to.
    pub(super) fn acquire(
        self: &Arc<Self>,
        origin: Option<&RequestOrigin>,
        written: Option<&ObjectKey>,
    ) -> Result<TransferPermit, Busy> {
        let client = origin.map(|origin| network(origin.client));
        let object = written.map(ToString::to_string);
        if let Some(limits) = &self.limits {
            let mut counts = self.lock();
            let is_full = origin.is_some_and(|origin| origin.capacity == Capacity::Exhausted);
            if is_full || counts.all >= limits.total {
                return Err(Busy::Service);
            }
            let of_client = client.and_then(|client| counts.by_client.get(&client));
            if of_client >= Some(&limits.per_client) {
                return Err(Busy::Client);
            }
            let of_object = object.as_ref().and_then(|it| counts.by_object.get(it));
            if of_object >= Some(&MAX_WRITERS) {
                return Err(Busy::Object);
            }
            counts.all += 1;
            if let Some(client) = client {
                *counts.by_client.entry(client).or_default() += 1;
            }
            if let Some(object) = object.clone() {
                *counts.by_object.entry(object).or_default() += 1;
            }
        }
        Ok(TransferPermit {
            limiter: Arc::clone(self),
            client,
            object,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TransferPermit {
    fn drop(&mut self) {
        if self.limiter.limits.is_none() {
            return;
        }
        let mut counts = self.limiter.lock();
        counts.all -= 1;
        if let Some(client) = &self.client {
            remove(&mut counts.by_client, client);
        }
        if let Some(object) = &self.object {
            remove(&mut counts.by_object, object);
        }
    }
}

impl Busy {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Client => "client",
            Self::Object => "object",
        }
    }
}

fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => {
            let host = u128::MAX >> IPV6_CLIENT_BITS;
            Ipv6Addr::from_bits(address.to_bits() & !host).into()
        }
    }
}

fn remove<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DatabaseName, FileId};

    fn key(id: u128) -> ObjectKey {
        ObjectKey {
            database_name: DatabaseName::parse("alx_demo").unwrap(),
            file_id: FileId::parse(&uuid::Uuid::from_u128(id).to_string()).unwrap(),
        }
    }

    fn from(client: &str, capacity: Capacity) -> RequestOrigin {
        let client = client.parse().unwrap();
        RequestOrigin { client, capacity }
    }

    fn limited(total: usize, per_client: usize) -> Arc<TransferLimiter> {
        TransferLimiter::new(Some(TransferLimits { total, per_client }))
    }

    #[test]
    fn each_limit_is_enforced_and_released() {
        let limiter = limited(3, 2);
        let one = from("192.0.2.1", Capacity::Ample);
        let two = from("192.0.2.2", Capacity::Scarce);
        let first = limiter.acquire(Some(&one), Some(&key(1))).unwrap();
        let second = limiter.acquire(Some(&one), None).unwrap();
        assert_eq!(limiter.acquire(Some(&one), None).unwrap_err(), Busy::Client);
        let third = limiter.acquire(Some(&two), None).unwrap();
        assert_eq!(
            limiter.acquire(Some(&two), None).unwrap_err(),
            Busy::Service
        );
        drop(first);
        let fourth = limiter.acquire(Some(&one), None).unwrap();
        drop((second, third, fourth));
        let counts = limiter.lock();
        assert_eq!(counts.all, 0);
        assert!(counts.by_client.is_empty() && counts.by_object.is_empty());
    }

    #[test]
    fn an_object_has_limited_writers_and_unlimited_readers() {
        let limiter = limited(1000, 1000);
        let acquire = |written: Option<u128>| limiter.acquire(None, written.map(key).as_ref());
        let _writers: Vec<_> = (0..MAX_WRITERS)
            .map(|_| acquire(Some(1)).unwrap())
            .collect();
        assert_eq!(acquire(Some(1)).unwrap_err(), Busy::Object);
        assert!(acquire(Some(2)).is_ok() && acquire(None).is_ok());
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let limiter = limited(10, 1);
        let _one = limiter
            .acquire(Some(&from("2001:db8::1", Capacity::Ample)), None)
            .unwrap();
        let same = from("2001:db8::ffff:1", Capacity::Ample);
        assert_eq!(
            limiter.acquire(Some(&same), None).unwrap_err(),
            Busy::Client
        );
        let other = from("2001:db8:0:1::1", Capacity::Ample);
        assert!(limiter.acquire(Some(&other), None).is_ok());
    }

    #[test]
    fn no_transfer_starts_without_free_connections() {
        let origin = from("192.0.2.1", Capacity::Exhausted);
        assert_eq!(
            limited(9, 9).acquire(Some(&origin), None).unwrap_err(),
            Busy::Service
        );
        assert!(
            TransferLimiter::new(None)
                .acquire(Some(&origin), None)
                .is_ok()
        );
    }
}
