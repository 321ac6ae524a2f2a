//! A real ClickHouse cluster: shards, replicas and ZooKeeper.

#![expect(clippy::unwrap_used, reason = "a failure ends the test")]

mod clocks;
mod contents;
mod contract;
mod failures;
mod feed;
mod harness;
mod repairs;
mod shards;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use event_history::domain::{Event, Finding, Placement, Tenant};
use event_history::store::{self, Appended, Created, Store};

use crate::conformance::store::Opener;
use crate::samples::tenant;
use crate::support::Cluster;

/// The limit of a call while a replica does not answer: EventBridge waits 5 s.
const LIMIT: Duration = Duration::from_secs(5);

/// A replica that is back has everything after this.
const REPAIRED: Duration = Duration::from_mins(1);

#[async_trait]
impl Opener for Cluster {
    async fn open(&self) -> Arc<dyn Store> {
        open(&self.url()).await
    }

    fn is_slow(&self) -> bool {
        true
    }
}

async fn open(url: &str) -> Arc<dyn Store> {
    store::open(&url.parse().unwrap()).await.unwrap()
}

/// Returns what `event-history check` says of the database.
async fn findings(url: &str) -> Vec<Finding> {
    store::check(&url.parse().unwrap()).await
}

/// Returns those that say it.
fn saying<'a>(findings: &'a [Finding], text: &str) -> Vec<&'a Finding> {
    let saying = findings.iter().filter(|it| it.message.contains(text));
    saying.collect()
}

async fn create(store: &dyn Store, name: &str) -> Tenant {
    create_placed(store, name, Placement::Pooled).await
}

async fn create_placed(store: &dyn Store, name: &str, placement: Placement) -> Tenant {
    let tenant = tenant(name);
    let created = store.create_placed_tenant(tenant.clone(), Some(placement));
    assert_eq!(created.await.unwrap(), Created::New);
    tenant
}

async fn append(store: &dyn Store, tenant: &Tenant, event: &Event) {
    let started = Instant::now();
    let outcomes = store.append(tenant, vec![event.clone()]).await.unwrap();
    assert_eq!(outcomes, [Appended::Stored]);
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
}

async fn assert_stored(store: &dyn Store, stored: &[(Tenant, Event)]) {
    for (tenant, event) in stored {
        let found = store.event(tenant, event.id).await.unwrap();
        assert!(
            found.is_some_and(|found| found.same_content(event)),
            "{event:?}"
        );
    }
}
