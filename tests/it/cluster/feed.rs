//! Readers of the order of arrival on three replicas, which are killed, paused and restarted meanwhile.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use event_history::domain::{Clock, Cursor, EventId, Query, SystemClock, Tenant};
use event_history::store::{Appended, Error, Store};
use futures_util::future::join_all;

use super::{create, open};
use crate::samples::Random;
use crate::support::cluster::SESSION_TIMEOUT;
use crate::support::{self, Cluster};

/// The time that a reader may need for everything once all replicas are back.
const CAUGHT_UP: Duration = Duration::from_mins(1);

/// Follows a tenant through all services by turns.
struct Reader {
    cursor: Option<Cursor>,
    seen: HashSet<EventId>,
    order: Vec<EventId>,
    lags_us: Vec<i64>,
    /// The longest time in which no event came.
    silence: Duration,
    last: Instant,
    turn: usize,
}

impl Reader {
    fn new() -> Self {
        Self {
            cursor: None,
            seen: HashSet::new(),
            order: Vec::new(),
            lags_us: Vec::new(),
            silence: Duration::ZERO,
            last: Instant::now(),
            turn: 0,
        }
    }

    /// Reads once. Returns whether there is more.
    async fn read(&mut self, services: &[Arc<dyn Store>], tenant: &Tenant) -> bool {
        self.turn += 1;
        let store = &services[self.turn % services.len()];
        let query = Query::default();
        let feed = match store.feed(tenant, self.cursor.as_ref(), &query).await {
            Ok(feed) => feed,
            Err(Error::Unavailable(_) | Error::Busy) => return true,
            Err(error) => panic!("{error}"),
        };
        let now_us = SystemClock.now().as_microsecond();
        for event in feed.events {
            assert!(self.seen.insert(event.id), "{} came twice", event.id);
            self.order.push(event.id);
            self.lags_us
                .push(now_us - event.received_at.unwrap().micros());
            self.silence = self.silence.max(self.last.elapsed());
            self.last = Instant::now();
        }
        self.cursor = Some(feed.cursor);
        feed.has_more
    }

    fn lag_ms(&mut self, percent: usize) -> i64 {
        self.lags_us.sort_unstable();
        let last = self.lags_us.len() - 1;
        self.lags_us[last * percent / 100] / 1000
    }
}

/// Writes through all services until told to stop; returns what was acknowledged and how many were refused.
async fn write(
    services: &[Arc<dyn Store>],
    tenant: &Tenant,
    seed: u64,
    ended: &AtomicBool,
) -> (Vec<EventId>, u64) {
    let mut random = Random::seeded(seed);
    let (mut stored, mut refused) = (Vec::new(), 0);
    while !ended.load(Ordering::SeqCst) {
        let event = random.event();
        let store = &services[usize::try_from(seed).unwrap() % services.len()];
        match store.append(tenant, vec![event.clone()]).await {
            Ok(answers) => {
                assert_eq!(answers, [Appended::Stored]);
                stored.push(event.id);
            }
            Err(Error::Unavailable(_) | Error::Busy) => refused += 1,
            Err(error) => panic!("{error}"),
        }
        // A tenth is sent twice, through different services.
        if stored.len().is_multiple_of(10) {
            let other = &services[(stored.len() / 10) % services.len()];
            if let Ok(answers) = other.append(tenant, vec![event.clone()]).await {
                let there = [Appended::AlreadyThere, Appended::Stored];
                assert!(there.contains(&answers[0]), "{answers:?}");
                if !stored.contains(&event.id) {
                    stored.push(event.id);
                }
            }
        }
    }
    (stored, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_every_acknowledged_event_once_whichever_replica_fails() {
    let rounds = support::number_from_environment("EVENT_HISTORY_TEST_CLUSTER_ROUNDS", 2);
    let writers = support::number_from_environment("EVENT_HISTORY_TEST_CLUSTER_WRITERS", 3);
    let mut cluster = Cluster::start(1, 3);
    // First the node that all services prefer.
    let mut victims: Vec<usize> = (0..3).collect();
    victims.sort_by_key(|number| cluster.nodes()[*number].tcp_port());
    let url = cluster.url();
    let services = [open(&url).await, open(&url).await, open(&url).await];
    let tenant = create(&*services[0], "followed").await;
    let mut reader = Reader::new();
    let (mut acknowledged, mut refused) = (HashSet::new(), 0);
    for round in 0..rounds {
        let ended = AtomicBool::new(false);
        let (services, tenant, ended) = (&services, &tenant, &ended);
        let writing = join_all(
            (0..writers).map(|writer| write(services, tenant, 100 * round + writer, ended)),
        );
        let reading = async {
            while !ended.load(Ordering::SeqCst) {
                reader.read(services, tenant).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let victim = victims[usize::try_from(round).unwrap() % victims.len()];
        let failing = async {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            if round.is_multiple_of(2) {
                cluster.nodes()[victim].kill();
                tokio::time::sleep(SESSION_TIMEOUT + Duration::from_secs(1)).await;
                let node = cluster.node_mut(victim);
                tokio::task::block_in_place(|| node.start_again());
            } else {
                cluster.nodes()[victim].pause();
                // Shorter and longer than its session.
                let pause = if round % 4 == 1 { 3 } else { 8 };
                tokio::time::sleep(Duration::from_secs(pause)).await;
                cluster.nodes()[victim].resume();
            }
            tokio::time::sleep(Duration::from_millis(1500)).await;
            ended.store(true, Ordering::SeqCst);
        };
        let (written, (), ()) = tokio::join!(writing, reading, failing);
        for (stored, not_stored) in written {
            acknowledged.extend(stored);
            refused += not_stored;
        }
    }
    let started = Instant::now();
    while !acknowledged.is_subset(&reader.seen) && started.elapsed() < CAUGHT_UP {
        reader.read(&services, &tenant).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let missed: Vec<_> = acknowledged.difference(&reader.seen).collect();
    assert!(
        missed.is_empty(),
        "{} were missed: {missed:?}",
        missed.len()
    );
    let silence = reader.silence;

    // Healthy again: the lag without failures.
    reader.lags_us.clear();
    let ended = AtomicBool::new(false);
    let healthy_time = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        ended.store(true, Ordering::SeqCst);
    };
    let reading = async {
        while !ended.load(Ordering::SeqCst) {
            reader.read(&services, &tenant).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let writing = write(&services, &tenant, 1_000_000, &ended);
    tokio::join!(writing, reading, healthy_time);

    // Who comes late sees them all, in the same order.
    let mut late = Reader::new();
    let before = reader.order.len();
    while late.order.len() < before && late.read(&services, &tenant).await {}
    let mut same = late.order.iter().zip(&reader.order);
    let differs = same.position(|(late, early)| late != early);
    assert_eq!(differs, None, "the order differs");
    println!(
        "{rounds} rounds: {} acknowledged, {refused} refused, {} seen; longest silence {} ms; healthy lag p50 {} ms, p95 {} ms",
        acknowledged.len(),
        reader.seen.len(),
        silence.as_millis(),
        reader.lag_ms(50),
        reader.lag_ms(95),
    );
    for store in services {
        store.close().await.unwrap();
    }
}
