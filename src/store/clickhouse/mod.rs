//! The backend for many replicas: ClickHouse, with the events of all tenants in one table, the entries of tenants in
//! `default.tenants`, and a database for each tenant that shows its events. Few tenants can have a table of their own.
//!
//! Replicas keep no state outside ClickHouse and do not coordinate. A decision between them is made by a statement that
//! ClickHouse executes only once (`registry::databases`); everything else is idempotent. docs/benchmarks-layouts.md has
//! the cost of the tables' layout.
//!
//! Imports go from this file to the rooms `registry` (tenants) and `writer` (appends), from `writer` to `registry` and
//! `tables` (rows and SQL), and from all of them to the files beside this one.

mod address;
mod arrival;
mod check_server;
mod client;
mod cluster;
mod data_lifecycle;
mod ddl;
mod delayed_deletion;
mod failure;
mod registry;
mod replicas;
mod statement;
mod table_names;
mod tables;
mod tenant_directory;
mod topology;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

pub use address::Address;
pub use check_server::check_address;

use self::arrival::{Arrivals, Waking, Watermark};
use self::client::Client;
use self::data_lifecycle::{Erasure, LifecycleTables};
use self::ddl::Dialect;
use self::failure::Failure;
use self::registry::{CleanUp, Registry};
use self::table_names::TableName;
use self::tables::{Arrived, TenantTables};
use self::writer::Writers;
use super::{Appended, Created, Error, News, Store, Tombstone, closed, finished};
use crate::domain::query::Limit;
use crate::domain::{
    Chunk, ClientId, Cursor, CursorProblem, DatabaseName, Epoch, Event, EventId, Feed,
    FeedPosition, FileId, Finding, Grouping, Page, Placement, Position, Query, Stats, Tenant,
};

/// The time for which the watermark is waited for that lets an event be shown: healthy it takes under two seconds.
const MAX_WATERMARK_WAIT: Duration = Duration::from_secs(5);
const WATERMARK_PAUSE: Duration = Duration::from_millis(200);

/// One ClickHouse server or cluster. Call [`Store::close`] at the end.
#[derive(Debug)]
pub struct ClickHouse {
    client: Client,
    registry: Arc<Registry>,
    writers: Writers,
    lifecycle: LifecycleTables,
    clean_up: CleanUp,
    erasure: Erasure,
    arrivals: Arc<Arrivals>,
    _waking: Waking,
    closed: AtomicBool,
}

impl ClickHouse {
    /// Connects, creates the tables that do not exist yet, and finishes or undoes what a crash interrupted. From then on
    /// that happens in the background. Replicas may start at the same time.
    pub async fn open(address: &Address) -> Result<Self, Error> {
        let client = Client::new(address)?;
        let dialect = Dialect {
            is_cluster: address.cluster.is_some(),
        };
        let registry = Arc::new(Registry::open(&client, dialect, address).await?);
        let arrivals = Arrivals::new(&client);
        Ok(Self {
            _waking: arrivals.start(),
            writers: Writers::new(&client, &registry, &arrivals),
            lifecycle: LifecycleTables::new(&client),
            arrivals,
            clean_up: CleanUp::start(&registry, address.erase_after),
            erasure: Erasure::start(&client, &registry, address.erase_after),
            registry,
            client,
            closed: AtomicBool::new(false),
        })
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        Ok(())
    }

    /// Returns the table of a tenant's events. [`Error::DatabaseMissing`] if the tenant or its database does not exist, as
    /// far as this replica knows.
    async fn table(&self, tenant: &Tenant) -> Result<TableName, Error> {
        self.check_open()?;
        let found = self.registry.by_client_id(tenant.client_id).await?;
        let found =
            found.filter(|it| it.has_database && it.tenant.database_name == tenant.database_name);
        let found = found.ok_or_else(|| Error::DatabaseMissing(tenant.database_name.clone()))?;
        Ok(TableName::of(tenant, &found.assignment))
    }

    /// Reads a tenant's rows. An empty answer may be that of a tenant which another replica has deleted, so then the entry
    /// is read again.
    async fn read<T>(
        &self,
        tenant: &Tenant,
        read: impl AsyncFnOnce(&TenantTables) -> Result<T, Failure>,
        is_empty: impl FnOnce(&T) -> bool,
    ) -> Result<T, Error> {
        let table = self.table(tenant).await?;
        let answer = self.read_at(&self.client, tenant, &table, read).await?;
        if is_empty(&answer) {
            self.registry.reload(tenant.client_id).await?;
            if self.table(tenant).await? != table {
                return Err(Error::Busy); // it was deleted and copied back, to another place
            }
        }
        Ok(answer)
    }

    /// Reads a tenant's rows at some replicas.
    async fn read_at<T>(
        &self,
        client: &Client,
        tenant: &Tenant,
        table: &TableName,
        read: impl AsyncFnOnce(&TenantTables) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let tables = TenantTables::new(client, table.clone(), tenant.client_id);
        let outcome = read(&tables).await;
        outcome.map_err(|failure| self.failed(tenant, table, failure))
    }

    async fn watermark(&self, tenant: &Tenant, table: &TableName) -> Result<Watermark, Error> {
        let watermark = self.arrivals.watermark(table).await;
        watermark.map_err(|failure| self.failed(tenant, table, failure))
    }

    /// Waits for a watermark that lets events be shown that were received until then. [`Error::Busy`] if that takes long.
    async fn watermark_past(
        &self,
        tenant: &Tenant,
        table: &TableName,
        received_us: i64,
    ) -> Result<Watermark, Error> {
        let give_up = Instant::now() + MAX_WATERMARK_WAIT;
        loop {
            let watermark = self.watermark(tenant, table).await?;
            if received_us <= watermark.at_us {
                return Ok(watermark);
            }
            if Instant::now() >= give_up {
                return Err(Error::Busy);
            }
            sleep(WATERMARK_PAUSE).await;
        }
    }

    fn failed(&self, tenant: &Tenant, table: &TableName, failure: Failure) -> Error {
        self.invalidate_if_missing(tenant, failure.for_tenant(&tenant.database_name, table))
    }

    /// Makes the next request load the entry of a tenant whose table is missing.
    fn invalidate_if_missing(&self, tenant: &Tenant, error: Error) -> Error {
        if matches!(error, Error::DatabaseMissing(_)) {
            self.registry.invalidate(tenant.client_id);
        }
        error
    }
}

/// Describes the metrics of this backend.
pub fn describe_metrics() {
    super::append_queue::describe_metrics();
    client::describe_metrics();
    registry::describe_metrics();
    arrival::describe_metrics();
    cluster::describe_metrics();
}

#[async_trait]
impl Store for ClickHouse {
    async fn create_placed_tenant(
        &self,
        tenant: Tenant,
        placement: Option<Placement>,
    ) -> Result<Created, Error> {
        self.check_open()?;
        let registry = Arc::clone(&self.registry);
        // A task of its own: a creation that has begun is finished even if the caller stops waiting.
        finished(tokio::spawn(async move { registry.create(&tenant, placement).await }).await)
    }

    async fn tenant_by_client_id(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        self.check_open()?;
        let found = self.registry.by_client_id(id).await?;
        Ok(found.map(|found| found.tenant))
    }

    async fn tenant_by_name(&self, name: &DatabaseName) -> Result<Option<Arc<Tenant>>, Error> {
        self.check_open()?;
        let found = self.registry.by_name(name).await?;
        Ok(found.map(|found| found.tenant))
    }

    async fn tenants(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        self.check_open()?;
        self.registry.all().await
    }

    async fn has_database(&self, tenant: &Tenant) -> Result<bool, Error> {
        self.check_open()?;
        let found = self.registry.by_client_id(tenant.client_id).await?;
        Ok(found.is_some_and(|found| found.has_database))
    }

    async fn delete_tenant(&self, tenant: &Tenant) -> Result<(), Error> {
        self.delete(tenant, None).await
    }

    async fn resume_deletion(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        self.check_open()?;
        let registry = Arc::clone(&self.registry);
        finished(tokio::spawn(async move { registry.resume_deletion(id).await }).await)
    }

    async fn append(&self, tenant: &Tenant, events: Vec<Event>) -> Result<Vec<Appended>, Error> {
        self.check_open()?;
        let table = self.table(tenant).await?;
        let outcome = self.writers.append(tenant, table, events).await;
        outcome.map_err(|error| self.invalidate_if_missing(tenant, error))
    }

    async fn event(&self, tenant: &Tenant, id: EventId) -> Result<Option<Event>, Error> {
        self.read(tenant, async |it| it.find(id).await, Option::is_none)
            .await
    }

    async fn events(&self, tenant: &Tenant, query: &Query) -> Result<Page, Error> {
        let is_empty = |page: &Page| page.events.is_empty();
        self.read(tenant, async |it| it.page(query).await, is_empty)
            .await
    }

    async fn events_at(
        &self,
        tenant: &Tenant,
        positions: &[Position],
    ) -> Result<Vec<Event>, Error> {
        self.read(
            tenant,
            async |it| it.events_at(positions).await,
            Vec::is_empty,
        )
        .await
    }

    async fn events_behind(
        &self,
        tenant: &Tenant,
        after: Option<Position>,
        query: &Query,
    ) -> Result<Chunk, Error> {
        let read = async |it: &TenantTables| it.events_behind(after, query).await;
        let is_empty = |chunk: &Chunk| chunk.events.is_empty();
        self.read(tenant, read, is_empty).await
    }

    async fn stats(
        &self,
        tenant: &Tenant,
        query: &Query,
        grouping: Grouping,
    ) -> Result<Stats, Error> {
        let read = async |it: &TenantTables| it.stats(query, grouping).await;
        self.read(tenant, read, Stats::is_empty).await
    }

    async fn scan(
        &self,
        tenant: &Tenant,
        after: Option<Position>,
        limit: Limit,
    ) -> Result<Vec<Event>, Error> {
        let scan = async |it: &TenantTables| it.scan(after, limit).await;
        self.read(tenant, scan, Vec::is_empty).await
    }

    async fn feed(
        &self,
        tenant: &Tenant,
        after: Option<&Cursor>,
        query: &Query,
    ) -> Result<Feed, Error> {
        let table = self.table(tenant).await?;
        let watermark = self.watermark(tenant, &table).await?;
        let (id, epoch) = (tenant.client_id, watermark.epoch(tenant.client_id));
        let start = match after {
            Some(cursor) => cursor.position_in(id, epoch)?,
            None => FeedPosition::Start,
        };
        let after = match start {
            FeedPosition::Start => None,
            FeedPosition::Received {
                received_us,
                time_us,
                event_id,
            } => Some((received_us, time_us, event_id.uuid())),
            FeedPosition::Sequence { .. } => return Err(CursorProblem::OtherTenant.into()),
        };
        let (client, at_us) = (&watermark.reader, watermark.at_us);
        // A tenant that another replica has deleted is noticed when its cached entry is refreshed.
        let read = async |it: &TenantTables| {
            let arrived = it.feed(after, at_us, query).await?;
            // What filters hide needs no second look. The cursor is never behind the last event: should the clock be set
            // back, only the events tell which cursors there may be.
            let end = if arrived.has_more || query.is_unfiltered() {
                None
            } else {
                it.newest(after.map(|it| it.0), at_us).await?
            };
            Ok((arrived, end))
        };
        let (arrived, end) = self.read_at(client, tenant, &table, read).await?;
        let Arrived {
            events,
            positions,
            last,
            has_more,
        } = arrived;
        let position = end.max(last).unwrap_or(start).max(start);
        Ok(Feed {
            events,
            positions,
            cursor: Cursor::new(id, epoch, position),
            has_more,
        })
    }

    async fn epoch(&self, tenant: &Tenant) -> Result<Epoch, Error> {
        let table = self.table(tenant).await?;
        let epoch = self.arrivals.epoch(&table, tenant.client_id).await;
        epoch.map_err(|failure| self.failed(tenant, &table, failure))
    }

    async fn newest_cursor(&self, tenant: &Tenant) -> Result<Cursor, Error> {
        let table = self.table(tenant).await?;
        let read = async |it: &TenantTables| it.newest_received_us().await;
        let received_us = self.read(tenant, read, Option::is_none).await?;
        let received_us = received_us.unwrap_or(i64::MIN);
        let watermark = self.watermark_past(tenant, &table, received_us).await?;
        let read = async |it: &TenantTables| it.newest(None, watermark.at_us).await;
        let newest = self.read_at(&watermark.reader, tenant, &table, read);
        let position = newest.await?.unwrap_or(FeedPosition::Start);
        let epoch = watermark.epoch(tenant.client_id);
        Ok(Cursor::new(tenant.client_id, epoch, position))
    }

    async fn cursor_behind(
        &self,
        tenant: &Tenant,
        event: EventId,
    ) -> Result<Option<Cursor>, Error> {
        let table = self.table(tenant).await?;
        let read = async |it: &TenantTables| it.position_of(event).await;
        let Some((position, received_us)) = self.read(tenant, read, Option::is_none).await? else {
            return Ok(None);
        };
        // Until the watermark has passed it, others may come before it.
        let watermark = self.watermark_past(tenant, &table, received_us).await?;
        let epoch = watermark.epoch(tenant.client_id);
        Ok(Some(Cursor::new(tenant.client_id, epoch, position)))
    }

    async fn news(&self, tenant: &Tenant) -> Result<News, Error> {
        let table = self.table(tenant).await?;
        Ok(self.arrivals.subscribe(tenant.client_id, table))
    }

    async fn unreferenced_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<FileId>, Error> {
        // Of a tenant that no longer exists no file is referenced.
        self.read(tenant, async |it| it.unreferenced(files).await, |_| true)
            .await
    }

    async fn tombstone_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<Tombstone>, Error> {
        self.read(tenant, async |it| it.tombstone(files).await, |_| true)
            .await
    }

    async fn withdraw_tombstones(
        &self,
        tenant: &Tenant,
        tombstones: &[Tombstone],
    ) -> Result<(), Error> {
        self.read(tenant, async |it| it.withdraw(tombstones).await, |()| true)
            .await
    }

    async fn id(&self) -> Result<Uuid, Error> {
        self.check_open()?;
        self.registry.database_id().await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.check_open()?;
        self.registry.ping().await
    }

    fn takes_writes(&self) -> bool {
        self.writers.accept_writes(Instant::now())
    }

    async fn check(&self) -> Vec<Finding> {
        check_server::check(&self.client).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.closed.store(true, Ordering::Release);
        self.clean_up.stop();
        self.erasure.stop();
        self.arrivals.close();
        self.writers.close().await;
        Ok(())
    }
}
