//! Two contents under one id, sent through two services at once: at most one is stored, on a cluster and on one node.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use event_history::domain::{Event, EventId, Tenant};
use event_history::store::{Appended, Error, Store};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::{create, open};
use crate::samples::Random;
use crate::support::{self, Cluster};

/// More than the requests that one service is answering at once in production.
const SENDERS: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_contents_of_one_id_at_most_one_is_stored() {
    let ids = support::number_from_environment("EVENT_HISTORY_TEST_CONTENTS", 100);
    let cluster = Cluster::start(1, 3);
    let url = cluster.url();
    let services = [open(&url).await, open(&url).await];
    println!(
        "on a cluster: {}",
        send_two_contents(services, ids, 1).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_contents_of_one_id_at_most_one_is_stored_on_one_node_of_no_cluster() {
    let ids = support::number_from_environment("EVENT_HISTORY_TEST_CONTENTS", 100);
    let engine = support::ClickHouse::start();
    let services = [open(&engine.url()).await, open(&engine.url()).await];
    println!("on one node: {}", send_two_contents(services, ids, 2).await);
}

/// Sends each id with two contents, in the same event time or another one, and asserts what came of it.
async fn send_two_contents(services: [Arc<dyn Store>; 2], ids: u64, seed: u64) -> String {
    let tenant = create(&*services[0], "contested").await;
    let mut random = Random::seeded(seed);
    let pairs: Vec<[Event; 2]> = (0..ids).map(|number| pair(&mut random, number)).collect();
    let mut acknowledged: HashMap<EventId, Event> = HashMap::new();
    let (mut waiting, mut sent) = (pairs.iter(), FuturesUnordered::new());
    let (mut both_refused, mut unavailable) = (0, 0);
    loop {
        while sent.len() < SENDERS
            && let Some(pair) = waiting.next()
        {
            let [one, other] = pair;
            let (services, tenant) = (&services, &tenant);
            sent.push(async move {
                let answers = tokio::join!(
                    append(&*services[0], tenant, one),
                    append(&*services[1], tenant, other)
                );
                (pair, [answers.0, answers.1])
            });
        }
        let Some((pair, answers)) = sent.next().await else {
            break;
        };
        let stored: Vec<&Event> = pair
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| **answer == Some(Appended::Stored))
            .map(|(event, _)| event)
            .collect();
        assert!(stored.len() <= 1, "both were stored: {pair:?}");
        unavailable += answers.iter().filter(|it| it.is_none()).count();
        match stored.first() {
            Some(event) => {
                acknowledged.insert(event.id, (*event).clone());
            }
            None => both_refused += 1,
        }
    }
    let check = async |[one, other]: &[Event; 2]| {
        for store in &services {
            let found = store.event(&tenant, one.id).await.unwrap();
            let is = |event: &Event| found.as_ref().is_some_and(|it| it.same_content(event));
            match acknowledged.get(&one.id) {
                Some(event) => assert!(is(event), "{found:?} instead of {event:?}"),
                None => assert!(found.is_none() || is(one) || is(other), "{found:?}"),
            }
        }
        // Whoever comes now learns what is there.
        if let Some(event) = acknowledged.get(&one.id) {
            let outcome = services[0].append(&tenant, vec![event.clone()]).await;
            assert_eq!(outcome.unwrap(), [Appended::AlreadyThere]);
        }
    };
    let mut checks = futures_util::stream::iter(pairs.iter().map(check)).buffer_unordered(SENDERS);
    while checks.next().await.is_some() {}
    format!("{ids} ids, {both_refused} stored in neither content, {unavailable} answers of 503")
}

/// Returns two events of one id.
fn pair(random: &mut Random, number: u64) -> [Event; 2] {
    let one = random.event();
    let changed = Event {
        record_id: one.record_id + 1,
        ..one.clone()
    };
    if number.is_multiple_of(2) {
        return [one, changed];
    }
    let other = Event {
        time: random.event().time,
        ..changed
    };
    [one, other]
}

/// Returns the outcome; `None` if the service is undecided.
async fn append(store: &dyn Store, tenant: &Tenant, event: &Event) -> Option<Appended> {
    let limit = Duration::from_secs(10);
    let outcome = tokio::time::timeout(limit, store.append(tenant, vec![event.clone()])).await;
    match outcome.expect("an answer in time") {
        Ok(outcomes) => {
            let [outcome] = outcomes[..] else {
                panic!("{outcomes:?}");
            };
            let expected = [Appended::Stored, Appended::OtherContent];
            assert!(expected.contains(&outcome), "{outcome:?}");
            Some(outcome)
        }
        Err(Error::Unavailable(_) | Error::Busy) => None,
        Err(error) => panic!("{error}"),
    }
}
