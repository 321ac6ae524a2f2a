//! External access: the store as another process sees it, beside the service that has the folder open.
//!
//! It reads, and it tombstones files in a transaction of its own: SQLite arbitrates between processes. It does not take
//! the service's lock, and repairs, upgrades and creates nothing. Every call opens the tenant's database again and
//! checks first that the tenant is still there; the service removes no database meanwhile (`access_lock.rs`).

pub(super) mod access;
mod last_backup;
pub(super) mod registry_reader;
mod snapshots;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

pub use self::last_backup::LastBackup;
pub use self::snapshots::{Snapshots, check_restored, mark_as_deleting};

use self::access::Access;
use super::disk::error_mapping::{blocking, io_failed, refused};
use super::disk::file_system::Inode;
use super::disk::layout::Layout;
use super::registry::orphaned_databases;
use super::tables::schema::TENANT;
use super::tables::{arrival, event_rows, feed, file_references, page, stats};
use super::tenant::identity;
use crate::domain::query::Limit;
use crate::domain::{
    Chunk, ClientId, Cursor, DatabaseName, Epoch, Event, EventId, Feed, FileId, FileTotals,
    Finding, Grouping, KeyId, ListedKey, Page, Placement, Position, Query, Stats, StoredKey,
    Tenant, TenantPage, TenantQuery, TenantSecrets,
};
use crate::store::{
    Appended, Created, Error, KeyStore, News, SecretStore, Store, TenantDirectory, Tombstone,
};

/// A folder of SQLite databases that another process may have open.
#[derive(Debug)]
pub struct ExternalStore(Arc<Layout>);

impl ExternalStore {
    /// [`Error::Unavailable`] if there is no store in `folder`.
    pub async fn open(folder: &Path) -> Result<Self, Error> {
        let store = Self(Arc::new(Layout::absolute(folder)?));
        if !store.0.registry().exists() {
            return Err(registry_reader::missing(&store.0));
        }
        store.tenants().await?;
        Ok(store)
    }

    /// Returns the tenants that are ready, the system tenant included, ordered by name.
    async fn all_tenants(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        let tenants = self.with_registry(registry_reader::ready).await?;
        Ok(tenants.into_iter().map(Arc::new).collect())
    }

    /// Tells whether there is an entry with this name, whatever its state.
    pub(super) async fn knows_name(&self, name: &DatabaseName) -> Result<bool, Error> {
        let name = name.clone();
        self.with_registry(move |layout| registry_reader::is_name_taken(layout, &name))
            .await
    }

    /// Works on a tenant's database, if the tenant is there.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        tenant: &Tenant,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (layout, tenant) = (Arc::clone(&self.0), tenant.clone());
        blocking(move || {
            let name = &tenant.database_name;
            let missing = || Error::DatabaseMissing(name.clone());
            let path = layout.database(name);
            let access = Access::begin(&layout, &[&layout.registry(), &path])?;
            let is_it = |it: &Tenant| it.client_id == tenant.client_id;
            if !registry_reader::ready(&layout)?.iter().any(is_it) {
                return Err(missing());
            }
            let found = Inode::at(&path).map_err(|error| io_failed(&path, error))?;
            found.ok_or_else(missing)?;
            identity::require(&path, &tenant)?;
            access.work(&path, Some(&TENANT), work)
        })
        .await
    }

    /// Works on the registry, with its log made durable.
    async fn with_registry<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Layout) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let layout = Arc::clone(&self.0);
        blocking(move || {
            let _access = Access::begin(&layout, &[&layout.registry()])?;
            work(&layout)
        })
        .await
    }
}

pub(super) fn not_allowed<T>() -> Result<T, Error> {
    Err(refused("only the running service does that"))
}

/// Keys are the running service's alone.
#[async_trait]
impl KeyStore for ExternalStore {
    async fn create_key(&self, _key: &StoredKey) -> Result<(), Error> {
        not_allowed()
    }

    async fn find_keys(&self, _ids: &[KeyId]) -> Result<Vec<StoredKey>, Error> {
        not_allowed()
    }

    async fn keys(&self) -> Result<Vec<ListedKey>, Error> {
        not_allowed()
    }

    async fn revoke_key(&self, _id: KeyId) -> Result<bool, Error> {
        not_allowed()
    }

    async fn record_key_uses(&self, _uses: &[(KeyId, Timestamp)]) -> Result<(), Error> {
        not_allowed()
    }
}

#[async_trait]
impl SecretStore for ExternalStore {
    async fn find_secrets(&self, ids: &[ClientId]) -> Result<Vec<TenantSecrets>, Error> {
        let ids = ids.to_vec();
        self.with_registry(move |layout| registry_reader::secrets(layout, &ids))
            .await
    }

    async fn replace_secrets(&self, _secrets: &TenantSecrets) -> Result<(), Error> {
        not_allowed()
    }
}

/// For another process than the service, which needs none of it.
#[async_trait]
impl TenantDirectory for ExternalStore {
    async fn tenant_page(&self, _query: &TenantQuery) -> Result<TenantPage, Error> {
        not_allowed()
    }

    async fn tenant_entry(&self, _id: ClientId) -> Result<Option<Tenant>, Error> {
        not_allowed()
    }

    async fn set_label(&self, _id: ClientId, _label: &str) -> Result<bool, Error> {
        not_allowed()
    }

    async fn file_totals(&self, _tenant: &Tenant) -> Result<FileTotals, Error> {
        not_allowed()
    }
}

#[async_trait]
impl Store for ExternalStore {
    async fn create_placed_tenant(
        &self,
        _tenant: Tenant,
        _placement: Option<Placement>,
    ) -> Result<Created, Error> {
        not_allowed()
    }

    async fn tenant_by_client_id(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        let tenants = self.all_tenants().await?;
        Ok(tenants.into_iter().find(|it| it.client_id == id))
    }

    async fn tenant_by_name(&self, name: &DatabaseName) -> Result<Option<Arc<Tenant>>, Error> {
        let tenants = self.all_tenants().await?;
        if let Some(tenant) = tenants.into_iter().find(|it| it.database_name == *name) {
            return Ok(Some(tenant));
        }
        let (layout, name) = (Arc::clone(&self.0), name.clone());
        blocking(move || {
            let orphans = orphaned_databases::find(&layout, || registry_reader::entries(&layout))?;
            if orphans.iter().any(|it| it.name.as_ref() == Some(&name)) {
                return Err(orphaned_databases::entry_missing(&layout.database(&name)));
            }
            Ok(None)
        })
        .await
    }

    async fn tenants(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        let mut tenants = self.all_tenants().await?;
        tenants.retain(|it| !it.is_system());
        Ok(tenants)
    }

    async fn has_database(&self, tenant: &Tenant) -> Result<bool, Error> {
        match self.with(tenant, |_| Ok(())).await {
            Ok(()) => Ok(true),
            Err(Error::DatabaseMissing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn delete_tenant(&self, _tenant: &Tenant) -> Result<(), Error> {
        not_allowed()
    }

    async fn resume_deletion(&self, _id: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        not_allowed()
    }

    async fn append(&self, _tenant: &Tenant, _events: Vec<Event>) -> Result<Vec<Appended>, Error> {
        not_allowed()
    }

    async fn event(&self, tenant: &Tenant, id: EventId) -> Result<Option<Event>, Error> {
        self.with(tenant, move |connection| event_rows::find(connection, id))
            .await
    }

    async fn events(&self, tenant: &Tenant, query: &Query) -> Result<Page, Error> {
        let query = query.clone();
        self.with(tenant, move |connection| page::read(connection, &query))
            .await
    }

    async fn events_at(
        &self,
        tenant: &Tenant,
        positions: &[Position],
    ) -> Result<Vec<Event>, Error> {
        let positions = positions.to_vec();
        self.with(tenant, move |connection| {
            page::events_at(connection, &positions)
        })
        .await
    }

    async fn events_behind(
        &self,
        tenant: &Tenant,
        after: Option<Position>,
        query: &Query,
    ) -> Result<Chunk, Error> {
        let query = query.clone();
        let read = move |connection: &mut Connection| page::behind(connection, after, &query);
        self.with(tenant, read).await
    }

    async fn stats(
        &self,
        tenant: &Tenant,
        query: &Query,
        grouping: Grouping,
    ) -> Result<Stats, Error> {
        let query = query.clone();
        let read = move |connection: &mut Connection| stats::read(connection, &query, grouping);
        self.with(tenant, read).await
    }

    async fn scan(
        &self,
        tenant: &Tenant,
        after: Option<Position>,
        limit: Limit,
    ) -> Result<Vec<Event>, Error> {
        let scan = move |connection: &mut Connection| page::scan(connection, after, limit);
        self.with(tenant, scan).await
    }

    async fn feed(
        &self,
        tenant: &Tenant,
        after: Option<&Cursor>,
        query: &Query,
    ) -> Result<Feed, Error> {
        let (id, after, query) = (tenant.client_id, after.copied(), query.clone());
        let read =
            move |connection: &mut Connection| feed::read(connection, id, after.as_ref(), &query);
        Ok(self.with(tenant, read).await??)
    }

    async fn epoch(&self, tenant: &Tenant) -> Result<Epoch, Error> {
        self.with(tenant, |connection| arrival::epoch(connection))
            .await
    }

    async fn newest_cursor(&self, tenant: &Tenant) -> Result<Cursor, Error> {
        let id = tenant.client_id;
        self.with(tenant, move |connection| feed::newest(connection, id))
            .await
    }

    async fn cursor_behind(
        &self,
        tenant: &Tenant,
        event: EventId,
    ) -> Result<Option<Cursor>, Error> {
        let id = tenant.client_id;
        self.with(tenant, move |connection| {
            feed::behind(connection, id, event)
        })
        .await
    }

    async fn news(&self, _tenant: &Tenant) -> Result<News, Error> {
        not_allowed()
    }

    async fn unreferenced_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<FileId>, Error> {
        let wanted = files.to_vec();
        self.with(tenant, move |connection| {
            file_references::unreferenced(connection, &wanted)
        })
        .await
    }

    async fn tombstone_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<Tombstone>, Error> {
        let wanted = files.to_vec();
        self.with(tenant, move |connection| {
            file_references::tombstone(connection, &wanted)
        })
        .await
    }

    async fn withdraw_tombstones(
        &self,
        tenant: &Tenant,
        tombstones: &[Tombstone],
    ) -> Result<(), Error> {
        let refused = tombstones.to_vec();
        self.with(tenant, move |connection| {
            file_references::withdraw(connection, &refused)
        })
        .await
    }

    async fn id(&self) -> Result<Uuid, Error> {
        self.with_registry(registry_reader::database_id).await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.tenants().await.map(drop)
    }

    fn takes_writes(&self) -> bool {
        false
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    async fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}
