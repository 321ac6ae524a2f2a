//! Counts failed authentications, and limits them for each client address.
//!
//! An address that is over its limit is still served where it sends a key that is accepted: others may share it, behind a proxy
//! that is not trusted or a gateway. What fails is then answered 429 and its connection closed, so that trying costs a new
//! connection each time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONNECTION, HeaderValue};

use crate::http::responses::ApiError;

const FAILURES: &str = "event_history_authentication_failures_total";

/// The failures of one address that are answered 401: so many at once, and then one for each interval. A sender with a stale
/// key makes as many as it has workers; a guess at a key needs very many more.
const BURST: u32 = 1000;
const INTERVAL: Duration = Duration::from_millis(100);

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// The addresses that are told apart; all others count as one.
const MAX_ADDRESSES: usize = 10_000;

/// An address that has had no failure for as long as it takes to forget `BURST` is like any other.
const FORGOTTEN_AFTER: Duration = INTERVAL.saturating_mul(BURST);

#[derive(Debug, Clone, Default)]
pub(super) struct FailedAuthentications(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    /// When the failures of each address will be forgotten.
    addresses: HashMap<IpAddr, Instant>,
    /// The same of all addresses that found no place.
    others: Option<Instant>,
    pruned_at: Option<Instant>,
}

pub(super) fn describe_metrics() {
    metrics::describe_counter!(
        FAILURES,
        "Failed authentications by result: refused, limited (too many of one client address)"
    );
}

impl FailedAuthentications {
    /// Returns the response that a client gets: another one if it was not authenticated, once too often.
    pub(super) fn limit(&self, client: Option<IpAddr>, response: Response) -> Response {
        if response.status() != StatusCode::UNAUTHORIZED {
            return response;
        }
        let Some(wait) = client.and_then(|client| self.note(network(client), Instant::now()))
        else {
            metrics::counter!(FAILURES, "result" => "refused").increment(1);
            return response;
        };
        metrics::counter!(FAILURES, "result" => "limited").increment(1);
        if let Some(client) = client {
            tracing::warn!(%client, "too many failed authentications from one address");
        }
        let retry_after = wait.as_secs() + 1;
        let mut limited = ApiError::TooManyFailures { retry_after }.into_response();
        // The headers with which a page of another origin may read it.
        for (name, value) in response.headers() {
            let header = limited.headers_mut().entry(name.clone());
            header.or_insert_with(|| value.clone());
        }
        limited.headers_mut().insert(CONNECTION, CLOSE);
        limited
    }

    /// Notes a failure; returns how long an address has to wait that is over its limit.
    fn note(&self, client: IpAddr, now: Instant) -> Option<Duration> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten_at = table.place(client, now);
        let begin = (*forgotten_at).max(now);
        let after = begin + INTERVAL;
        if after <= now + FORGOTTEN_AFTER {
            *forgotten_at = after;
            return None;
        }
        Some(after.saturating_duration_since(now + FORGOTTEN_AFTER))
    }
}

impl Table {
    fn place(&mut self, client: IpAddr, now: Instant) -> &mut Instant {
        let is_full = self.addresses.len() >= MAX_ADDRESSES;
        if is_full && !self.addresses.contains_key(&client) {
            // Looking at all of them takes a while, so not more often than their number can have changed.
            if self.pruned_at.is_none_or(|at| now >= at + INTERVAL) {
                self.pruned_at = Some(now);
                self.addresses.retain(|_, at| *at > now);
            }
            if self.addresses.len() >= MAX_ADDRESSES {
                return self.others.get_or_insert(now);
            }
        }
        self.addresses.entry(client).or_insert(now)
    }
}

/// One client has a whole /64 of IPv6 addresses.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BURST, FORGOTTEN_AFTER, FailedAuthentications, INTERVAL, MAX_ADDRESSES, network};
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Instant;

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn each_address_has_a_burst_and_then_one_for_each_interval() {
        let (failures, now) = (FailedAuthentications::default(), Instant::now());
        for _ in 0..BURST {
            assert_eq!(failures.note(address(1), now), None);
        }
        assert_eq!(failures.note(address(1), now), Some(INTERVAL));
        assert_eq!(failures.note(address(2), now), None, "another one");
        let later = now + INTERVAL;
        assert_eq!(failures.note(address(1), later), None);
        assert_eq!(failures.note(address(1), later), Some(INTERVAL));
        let forgotten = later + FORGOTTEN_AFTER;
        for _ in 0..BURST {
            assert_eq!(failures.note(address(1), forgotten), None);
        }
        assert!(failures.note(address(1), forgotten).is_some());
    }

    #[test]
    fn the_table_is_bounded() {
        let (failures, now) = (FailedAuthentications::default(), Instant::now());
        let addresses = u32::try_from(MAX_ADDRESSES).unwrap();
        for number in 0..addresses {
            assert_eq!(failures.note(address(number), now), None);
        }
        let others =
            (0..2 * BURST).filter(|it| failures.note(address(addresses + it), now).is_none());
        assert_eq!(others.count(), BURST as usize, "they share one place");
        assert_eq!(failures.note(address(0), now), None, "it has its own");
        assert_eq!(failures.0.lock().unwrap().addresses.len(), MAX_ADDRESSES);
        let later = now + FORGOTTEN_AFTER;
        assert_eq!(failures.note(address(u32::MAX), later), None);
        assert_eq!(failures.0.lock().unwrap().addresses.len(), 1);
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let [one, other, third] = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"]
            .map(|it| network(it.parse().unwrap()));
        assert_eq!(one, other);
        assert_ne!(one, third);
    }
}
