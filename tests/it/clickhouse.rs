//! The ClickHouse backend: the contract of every backend, and its own behavior.

#![expect(clippy::unwrap_used, reason = "a failure ends the test")]

mod any_values;
mod arrival;
mod backup;
mod contract;
mod deletion;
mod duplicates;
mod interrupted;
mod limits;
mod placement;
mod redaction;
mod redelivery;
mod tenants;

use std::sync::Arc;

use async_trait::async_trait;
use event_history::domain::Finding;
use event_history::domain::finding::State;
use event_history::domain::{Query, Tenant};
use event_history::store::{self, Created, Store};

use crate::conformance::store::Opener;
use crate::samples::{history, tenant};
use crate::support::{self, ClickHouse};

/// An engine that lives as long as the test.
struct Place {
    engine: ClickHouse,
    /// The options of its address.
    options: &'static str,
}

/// The table of all pooled tenants.
const POOL: &str = "_event_history.events";

impl Place {
    fn new() -> Self {
        Self::with_options("")
    }

    fn with_options(options: &'static str) -> Self {
        Self {
            engine: ClickHouse::start(),
            options,
        }
    }

    fn url(&self) -> String {
        self.engine.url() + self.options
    }

    async fn sql(&self, sql: &str) -> String {
        self.engine.query(sql).await
    }

    async fn databases(&self) -> Vec<String> {
        let names = self.sql("SHOW DATABASES FORMAT TSVRaw").await;
        names.lines().map(ToOwned::to_owned).collect()
    }

    async fn tables(&self, database: &str) -> Vec<String> {
        let names = self
            .sql(&format!("SHOW TABLES FROM `{database}` FORMAT TSVRaw"))
            .await;
        names.lines().map(ToOwned::to_owned).collect()
    }

    /// Opens the store of another replica.
    async fn replica(&self) -> Arc<dyn Store> {
        self.try_replica().await.unwrap()
    }

    async fn try_replica(&self) -> Result<Arc<dyn Store>, store::Error> {
        store::open(&self.url().parse().unwrap()).await
    }

    /// Returns the problems that `event-history check` would report.
    async fn faults(&self) -> Vec<String> {
        let findings = store::check(&self.engine.url().parse().unwrap()).await;
        let wrong = |finding: &Finding| matches!(finding.state, State::Wrong { .. });
        let wrong = findings.into_iter().filter(wrong);
        wrong.map(|finding| finding.message).collect()
    }
}

#[async_trait]
impl Opener for Place {
    async fn open(&self) -> Arc<dyn Store> {
        self.replica().await
    }

    /// The statements for dedicated tenants are those for pooled ones, which `just walks` tries more often.
    fn is_slow(&self) -> bool {
        let is_whole = support::number_from_environment("EVENT_HISTORY_TEST_WHOLE_CONTRACT", 0);
        self.options.contains("dedicated") || is_whole == 0
    }
}

/// Returns the table of a dedicated tenant.
fn table(tenant: &Tenant) -> String {
    format!("events_{}", tenant.client_id.uuid().simple())
}

/// Asserts that exactly one tenant has the name, that it is this one, and that it works.
async fn assert_works(store: &dyn Store, tenant: &Tenant, had_events: u64) {
    let name = &tenant.database_name;
    let all = store.tenants().await.unwrap();
    let named: Vec<_> = all.iter().filter(|it| it.database_name == *name).collect();
    assert_eq!(named.len(), 1, "{name}: {named:?}");
    assert_eq!(named[0].client_id, tenant.client_id, "{name}");
    let by_name = store.tenant_by_name(name).await.unwrap().unwrap();
    assert_eq!(by_name.client_id, tenant.client_id, "{name}");
    assert!(store.has_database(tenant).await.unwrap());
    let count = async || {
        let page = store.events(tenant, &Query::default()).await.unwrap();
        page.counts.unwrap().total
    };
    assert_eq!(count().await, had_events, "{name}");
    store
        .append(tenant, history(100 + had_events, 1))
        .await
        .unwrap();
    assert_eq!(count().await, had_events + 1, "{name}");
}

async fn assert_is_gone(store: &dyn Store, tenant: &Tenant) {
    let found = store.tenant_by_client_id(tenant.client_id).await.unwrap();
    assert_eq!(found, None, "{}", tenant.database_name);
}

async fn created(store: &dyn Store, name: &str) -> Tenant {
    let tenant = tenant(name);
    let created = store.create_tenant(tenant.clone()).await.unwrap();
    assert_eq!(created, Created::New, "{name}");
    tenant
}

async fn assert_nothing_is_left(place: &Place) {
    let databases = place.databases().await;
    let left = databases.iter().find(|name| name.starts_with("_deleted_"));
    assert_eq!(left, None);
}
