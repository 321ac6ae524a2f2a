//! The backend for many replicas: ClickHouse, a database for each tenant, the entries in `default.tenants`.
//!
//! Nothing of ours is kept outside ClickHouse and nothing coordinates the replicas. What has to be decided
//! between them is decided by a statement that ClickHouse carries out once (`database`); what may be
//! repeated is repeated. docs/benchmarks.md has what the tables' layout costs.

mod address;
mod cache;
mod checks;
mod client;
mod database;
mod errors;
mod events;
mod files;
mod migrations;
mod names;
mod queries;
mod registry;
mod tenants;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio::time::Instant;
use uuid::Uuid;

pub use address::Address;
pub use checks::check_address;

use self::client::Client;
use self::errors::Failure;
use self::migrations::Dialect;
use self::names::Table;
use self::tenants::Tenants;
use self::writer::Writers;
use super::{Appended, Created, Error, Store, closed, finished};
use crate::domain::query::Limit;
use crate::domain::{
    ClientId, DatabaseName, Event, EventId, FileId, Finding, Page, Position, Query, Tenant,
};

/// One ClickHouse, or cluster of them. The caller that is done with it calls [`Store::close`].
#[derive(Debug)]
pub struct ClickHouse {
    client: Client,
    tenants: Arc<Tenants>,
    writers: Writers,
    closed: AtomicBool,
}

impl ClickHouse {
    /// Connects, makes what is not there yet, and finishes what the end of a process cut short. Replicas
    /// may start at the same time.
    pub async fn open(address: &Address) -> Result<Self, Error> {
        let client = Client::new(address)?;
        let dialect = Dialect {
            cluster: address.cluster.clone(),
        };
        let tenants = Tenants::open(&client, &dialect, address.tenant_cache).await?;
        Ok(Self {
            tenants: Arc::new(tenants),
            writers: Writers::new(&client),
            client,
            closed: AtomicBool::new(false),
        })
    }

    fn open_or_error(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        Ok(())
    }

    /// Returns what work on a tenant's table came to.
    fn of_tenant<T>(&self, tenant: &Tenant, outcome: Result<T, Failure>) -> Result<T, Error> {
        outcome.map_err(|failure| self.missed(tenant, failure.of_tenant(&tenant.database_name)))
    }

    /// A table that is not there makes whoever asks next look again whether the tenant is.
    fn missed(&self, tenant: &Tenant, error: Error) -> Error {
        if matches!(error, Error::DatabaseMissing(_)) {
            self.tenants.forget(tenant.client_id);
        }
        error
    }
}

/// Tells the recorder of metrics what this backend measures.
pub fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_histogram};
    super::queue::describe_metrics();
    describe_histogram!(
        "event_history_clickhouse_request_duration_seconds",
        Unit::Seconds,
        "How long a statement took, by what it was for and how it ended."
    );
    describe_counter!(
        "event_history_tenant_cache_lookups_total",
        "Tenants looked up: fresh in the cache, loaded, or stale because ClickHouse was out of reach."
    );
}

#[async_trait]
impl Store for ClickHouse {
    async fn create_tenant(&self, tenant: Tenant) -> Result<Created, Error> {
        self.open_or_error()?;
        let tenants = Arc::clone(&self.tenants);
        // A task of its own: a creation that has begun ends, even if the caller does not wait for it.
        finished(tokio::spawn(async move { tenants.create(&tenant).await }).await)
    }

    async fn tenant_by_client_id(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        self.open_or_error()?;
        let found = self.tenants.by_client_id(id).await?;
        Ok(found.map(|found| found.tenant))
    }

    async fn tenant_by_name(&self, name: &DatabaseName) -> Result<Option<Arc<Tenant>>, Error> {
        self.open_or_error()?;
        let found = self.tenants.by_name(name).await?;
        Ok(found.map(|found| found.tenant))
    }

    async fn tenants(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        self.open_or_error()?;
        self.tenants.all().await
    }

    async fn has_database(&self, tenant: &Tenant) -> Result<bool, Error> {
        self.open_or_error()?;
        let found = self.tenants.by_client_id(tenant.client_id).await?;
        Ok(found.is_some_and(|found| found.has_database))
    }

    async fn delete_tenant(&self, tenant: &Tenant) -> Result<(), Error> {
        self.open_or_error()?;
        let (tenants, tenant) = (Arc::clone(&self.tenants), tenant.clone());
        finished(tokio::spawn(async move { tenants.delete(&tenant).await }).await)
    }

    async fn append(&self, tenant: &Tenant, events: Vec<Event>) -> Result<Vec<Appended>, Error> {
        self.open_or_error()?;
        let outcome = self.writers.append(tenant, events).await;
        outcome.map_err(|error| self.missed(tenant, error))
    }

    async fn event(&self, tenant: &Tenant, id: EventId) -> Result<Option<Event>, Error> {
        self.open_or_error()?;
        let table = Table::new(&tenant.database_name, tenant.client_id);
        self.of_tenant(tenant, queries::find(&self.client, &table, id).await)
    }

    async fn events(&self, tenant: &Tenant, query: &Query) -> Result<Page, Error> {
        self.open_or_error()?;
        let table = Table::new(&tenant.database_name, tenant.client_id);
        self.of_tenant(tenant, queries::page(&self.client, &table, query).await)
    }

    async fn events_at(
        &self,
        tenant: &Tenant,
        positions: &[Position],
    ) -> Result<Vec<Event>, Error> {
        self.open_or_error()?;
        let table = Table::new(&tenant.database_name, tenant.client_id);
        let outcome = queries::events_at(&self.client, &table, positions).await;
        self.of_tenant(tenant, outcome)
    }

    async fn scan(
        &self,
        tenant: &Tenant,
        after: Option<Position>,
        limit: Limit,
    ) -> Result<Vec<Event>, Error> {
        self.open_or_error()?;
        let table = Table::new(&tenant.database_name, tenant.client_id);
        self.of_tenant(
            tenant,
            queries::scan(&self.client, &table, after, limit).await,
        )
    }

    async fn unreferenced_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<FileId>, Error> {
        self.open_or_error()?;
        let table = Table::new(&tenant.database_name, tenant.client_id);
        let outcome = files::unreferenced(&self.client, &table, files).await;
        self.of_tenant(tenant, outcome)
    }

    async fn tombstone_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<FileId>, Error> {
        self.open_or_error()?;
        let table = Table::new(&tenant.database_name, tenant.client_id);
        let outcome = files::tombstone(&self.client, &table, files).await;
        self.of_tenant(tenant, outcome)
    }

    async fn id(&self) -> Result<Uuid, Error> {
        self.open_or_error()?;
        self.tenants.database_id().await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.open_or_error()?;
        self.tenants.ping().await
    }

    fn takes_writes(&self) -> bool {
        self.writers.take_writes(Instant::now())
    }

    async fn check(&self) -> Vec<Finding> {
        checks::check(&self.client).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.closed.store(true, Ordering::Release);
        self.writers.close().await;
        Ok(())
    }
}
