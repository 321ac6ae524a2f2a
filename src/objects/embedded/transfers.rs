//! How many requests the endpoint answers at once: whoever has one URL has not all connections.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::domain::ObjectKey;
use crate::objects::{Capacity, RequestOrigin, TransferLimits};

/// How many requests at once write to one object: clients send some parts of an upload side by side, and few
/// of them more than ten.
const MAX_WRITERS: usize = 32;

/// What of an IPv6 address stands for a client: networks hand out no less.
const IPV6_CLIENT_BITS: u32 = 64;

/// The requests that are being answered.
#[derive(Debug)]
pub(super) struct Transfers {
    limits: Option<TransferLimits>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
    by_object: HashMap<String, usize>,
}

/// A request that is being answered; it counts until this is dropped.
#[derive(Debug)]
pub(super) struct Transfer {
    transfers: Arc<Transfers>,
    client: Option<IpAddr>,
    object: Option<String>,
}

/// Why a request has to come again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Busy {
    /// All connections are taken, or all that are left to transfers.
    Service,
    /// One client has as many as it may have.
    Client,
    /// One object has as many writers as it may have.
    Object,
}

impl Transfers {
    /// `None`: there are no limits.
    pub(super) fn new(limits: Option<TransferLimits>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            counts: Mutex::default(),
        })
    }

    /// Begins to count a request. `written` is the object that it writes to.
    pub(super) fn begin(
        self: &Arc<Self>,
        origin: Option<&RequestOrigin>,
        written: Option<&ObjectKey>,
    ) -> Result<Transfer, Busy> {
        let client = origin.map(|origin| network(origin.client));
        let object = written.map(ToString::to_string);
        if let Some(limits) = &self.limits {
            let mut counts = self.lock();
            let is_full = origin.is_some_and(|origin| origin.capacity == Capacity::Exhausted);
            if is_full || counts.all >= limits.total {
                return Err(Busy::Service);
            }
            let of_client = client.map(|client| count(&counts.by_client, &client));
            if of_client >= Some(limits.per_client) {
                return Err(Busy::Client);
            }
            let of_object = object
                .as_ref()
                .map(|object| count(&counts.by_object, object));
            if of_object >= Some(MAX_WRITERS) {
                return Err(Busy::Object);
            }
            counts.all += 1;
            if let Some(client) = client {
                add(&mut counts.by_client, client);
            }
            if let Some(object) = &object {
                add(&mut counts.by_object, object.clone());
            }
        }
        Ok(Transfer {
            transfers: Arc::clone(self),
            client,
            object,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if self.transfers.limits.is_none() {
            return;
        }
        let mut counts = self.transfers.lock();
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
            let others = u128::MAX >> IPV6_CLIENT_BITS;
            Ipv6Addr::from_bits(address.to_bits() & !others).into()
        }
    }
}

fn count<K: Hash + Eq>(counts: &HashMap<K, usize>, key: &K) -> usize {
    counts.get(key).copied().unwrap_or_default()
}

fn add<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    *counts.entry(key).or_default() += 1;
}

fn remove<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// The body of an answer, counted as long as it is being sent.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) body: Body,
    #[expect(dead_code, reason = "held until the answer is gone")]
    pub(super) transfer: Arc<Transfer>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
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

    fn limited(total: usize, per_client: usize) -> Arc<Transfers> {
        Transfers::new(Some(TransferLimits { total, per_client }))
    }

    #[test]
    fn each_limit_is_kept_and_given_back() {
        let transfers = limited(3, 2);
        let one = from("192.0.2.1", Capacity::Ample);
        let two = from("192.0.2.2", Capacity::Scarce);
        let first = transfers.begin(Some(&one), Some(&key(1))).unwrap();
        let second = transfers.begin(Some(&one), None).unwrap();
        assert_eq!(transfers.begin(Some(&one), None).unwrap_err(), Busy::Client);
        let third = transfers.begin(Some(&two), None).unwrap();
        assert_eq!(
            transfers.begin(Some(&two), None).unwrap_err(),
            Busy::Service
        );
        drop(first);
        let fourth = transfers.begin(Some(&one), None).unwrap();
        drop((second, third, fourth));
        let counts = transfers.lock();
        assert_eq!(counts.all, 0);
        assert!(counts.by_client.is_empty() && counts.by_object.is_empty());
    }

    #[test]
    fn an_object_has_so_many_writers_and_any_number_of_readers() {
        let transfers = limited(1000, 1000);
        let begin = |written: Option<u128>| transfers.begin(None, written.map(key).as_ref());
        let _writers: Vec<_> = (0..MAX_WRITERS).map(|_| begin(Some(1)).unwrap()).collect();
        assert_eq!(begin(Some(1)).unwrap_err(), Busy::Object);
        assert!(begin(Some(2)).is_ok() && begin(None).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let transfers = limited(10, 1);
        let _one = transfers
            .begin(Some(&from("2001:db8::1", Capacity::Ample)), None)
            .unwrap();
        let same = from("2001:db8::ffff:1", Capacity::Ample);
        assert_eq!(
            transfers.begin(Some(&same), None).unwrap_err(),
            Busy::Client
        );
        let other = from("2001:db8:0:1::1", Capacity::Ample);
        assert!(transfers.begin(Some(&other), None).is_ok());
    }

    #[test]
    fn nothing_long_begins_where_there_is_no_room() {
        let origin = from("192.0.2.1", Capacity::Exhausted);
        assert_eq!(
            limited(9, 9).begin(Some(&origin), None).unwrap_err(),
            Busy::Service
        );
        assert!(Transfers::new(None).begin(Some(&origin), None).is_ok());
    }
}
