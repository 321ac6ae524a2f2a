//! The store as a guest sees it: a process beside the service that has the folder open.
//!
//! It reads, and it gives files up: a transaction of its own, which SQLite arbitrates between processes.
//! It takes no lock of the folder, mends, upgrades and makes nothing. Every call opens the tenant's
//! database anew and looks first whether the tenant is still there, and the service removes no database
//! in the meantime ([`Outside::visit`]).

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags};
use uuid::Uuid;

use super::entries::{self, State};
use super::errors::{blocking, io_failed, refused, sql_failed};
use super::folder::{Alone, Identity, Outside, Visit};
use super::migrations::{REGISTRY, TENANT};
use super::recovery::{self, InUse};
use super::{events, files, identity, incarnation, inspection, orphans, queries};
use crate::domain::query::Limit;
use crate::domain::{
    ClientId, DatabaseName, Event, EventId, FileId, Finding, Page, Position, Query, Tenant,
};
use crate::store::{Appended, Created, Error, Store};

/// How long a guest waits for its turn to write: longer than any transaction of the service takes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A folder of SQLite databases that another process may have open.
#[derive(Debug)]
pub struct Beside(Arc<Outside>);

impl Beside {
    /// [`Error::Unavailable`] if there is no store in `folder`.
    pub async fn open(folder: &Path) -> Result<Self, Error> {
        let beside = Self(Arc::new(Outside::new(folder)?));
        let registry = beside.0.registry();
        if !registry.exists() {
            return Err(refused(format!("there is no '{}'", registry.display())));
        }
        beside.tenants().await?;
        Ok(beside)
    }

    /// Works on a tenant's database, if the tenant is there.
    async fn with<T: Send + 'static>(
        &self,
        tenant: &Tenant,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (outside, tenant) = (Arc::clone(&self.0), tenant.clone());
        blocking(move || {
            let name = &tenant.database_name;
            let missing = || Error::DatabaseMissing(name.clone());
            let path = outside.database(name);
            let presence = Presence::begin(&outside, &[&outside.registry(), &path])?;
            let is_it = |it: &Tenant| it.client_id == tenant.client_id;
            if !ready(&outside)?.iter().any(is_it) {
                return Err(missing());
            }
            let found = Identity::at(&path).map_err(|error| io_failed(&path, error))?;
            found.ok_or_else(missing)?;
            inspection::require_fit(&path, &tenant)?;
            let failed = |error| sql_failed(&path, error);
            let mut connection = connect(&path).map_err(failed)?;
            TENANT.require(&connection, &path)?;
            let visited = presence.settle().map_err(|error| io_failed(&path, error));
            let _visit = visited?; // outlives what `work` does
            let outcome = work(&mut connection).map_err(failed);
            recovery::close_as_found(connection, &path)?;
            outcome
        })
        .await
    }
}

/// How a guest is in the folder.
pub(super) enum Presence {
    Visit(Visit),
    /// A log may have to be recovered: until that is done, it has to be the only one.
    Alone(Alone),
}

impl Presence {
    /// Comes in to look into these databases. The logs of those that nobody has open are made durable first.
    pub(super) fn begin(outside: &Outside, databases: &[&Path]) -> Result<Self, Error> {
        let mut any_log = false;
        for path in databases {
            incarnation::require_own_log(path)?;
            any_log |= recovery::has_log(path)?;
        }
        if !any_log {
            return Ok(Self::Visit(outside.visit()?));
        }
        let alone = outside.keep_out()?;
        for path in databases {
            if recovery::has_log(path)? && !InUse::is_marked(path)? {
                recovery::prepare_alone(path, &alone)?;
            }
        }
        Ok(Self::Alone(alone))
    }

    /// Lets other guests in again, after a connection has read.
    pub(super) fn settle(self) -> io::Result<Visit> {
        match self {
            Self::Visit(visit) => Ok(visit),
            Self::Alone(alone) => alone.visit(),
        }
    }
}

/// Returns the tenants that are ready, ordered by name.
pub(super) fn ready(outside: &Outside) -> Result<Vec<Tenant>, Error> {
    let entries = entries(outside)?;
    let ready = entries.into_iter().filter(|it| it.1 == State::Ready);
    let mut tenants: Vec<Tenant> = ready.map(|(tenant, _)| tenant).collect();
    tenants.sort_unstable_by(|one, other| one.database_name.cmp(&other.database_name));
    Ok(tenants)
}

/// Returns every entry, whatever its state; none where there is no registry yet and no database either.
/// Leaves nothing behind.
pub(super) fn entries(outside: &Outside) -> Result<Vec<(Tenant, State)>, Error> {
    let Some(connection) = connect_to_registry(outside)? else {
        return Ok(Vec::new());
    };
    let path = outside.registry();
    let entries = entries::load(&connection).map_err(|error| sql_failed(&path, error))?;
    recovery::close_as_found(connection, &path)?;
    Ok(entries)
}

/// Refuses a registry of which a part was lost or changed.
pub(super) fn require_registry(outside: &Outside) -> Result<(), Error> {
    match connect_to_registry(outside)? {
        Some(connection) => {
            super::registry_file::require_integrity(&connection, &outside.registry())
        }
        None => Ok(()),
    }
}

/// Returns `None` where nothing was ever written.
fn connect_to_registry(outside: &Outside) -> Result<Option<Connection>, Error> {
    let path = outside.registry();
    let there = Identity::at(&path).map_err(|error| io_failed(&path, error))?;
    if there.is_none() {
        return match outside.databases()?.first() {
            Some(database) => Err(Error::Damaged(format!(
                "'{}' is there, and the registry '{}' is missing",
                database.display(),
                path.display()
            ))),
            None => Ok(None),
        };
    }
    let failed = |error| sql_failed(&path, error);
    // Its log is there while a service uses it, or after one was killed. Without, the file is all.
    let connection = if path.with_extension("db-shm").exists() || recovery::has_log(&path)? {
        connect(&path)
    } else {
        identity::connect_to_file_alone(&path)
    };
    let connection = connection.map_err(failed)?;
    let pages: i64 = connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .map_err(failed)?;
    if pages == 0 {
        return Ok(None); // the last process ended while it made the file
    }
    REGISTRY.require(&connection, &path)?;
    Ok(Some(connection))
}

/// A connection that only reads could not make the log's index where the service has closed the file.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // Without SQLITE_OPEN_CREATE: a database that is missing stays missing.
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The service sees to the log, and only it learns when a sync of that fails.
    recovery::leave_log_alone(&connection)?;
    Ok(connection)
}

fn not_ours<T>() -> Result<T, Error> {
    Err(refused("that is for the running service alone"))
}

#[async_trait]
impl Store for Beside {
    async fn create_tenant(&self, _tenant: Tenant) -> Result<Created, Error> {
        not_ours()
    }

    async fn tenant_by_client_id(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        let tenants = self.tenants().await?;
        Ok(tenants.into_iter().find(|it| it.client_id == id))
    }

    async fn tenant_by_name(&self, name: &DatabaseName) -> Result<Option<Arc<Tenant>>, Error> {
        let tenants = self.tenants().await?;
        if let Some(tenant) = tenants.into_iter().find(|it| it.database_name == *name) {
            return Ok(Some(tenant));
        }
        let (outside, name) = (Arc::clone(&self.0), name.clone());
        blocking(move || match orphans::find_outside(&outside)? {
            found if found.iter().any(|it| it.name.as_ref() == Some(&name)) => {
                Err(orphans::entry_missing(&outside.database(&name)))
            }
            _ => Ok(None),
        })
        .await
    }

    async fn tenants(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        let outside = Arc::clone(&self.0);
        blocking(move || {
            let _presence = Presence::begin(&outside, &[&outside.registry()])?;
            Ok(ready(&outside)?.into_iter().map(Arc::new).collect())
        })
        .await
    }

    async fn has_database(&self, tenant: &Tenant) -> Result<bool, Error> {
        match self.with(tenant, |_| Ok(())).await {
            Ok(()) => Ok(true),
            Err(Error::DatabaseMissing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn delete_tenant(&self, _tenant: &Tenant) -> Result<(), Error> {
        not_ours()
    }

    async fn append(&self, _tenant: &Tenant, _events: Vec<Event>) -> Result<Vec<Appended>, Error> {
        not_ours()
    }

    async fn event(&self, tenant: &Tenant, id: EventId) -> Result<Option<Event>, Error> {
        self.with(tenant, move |connection| events::find(connection, id))
            .await
    }

    async fn events(&self, tenant: &Tenant, query: &Query) -> Result<Page, Error> {
        let query = query.clone();
        self.with(tenant, move |connection| queries::page(connection, &query))
            .await
    }

    async fn events_at(
        &self,
        tenant: &Tenant,
        positions: &[Position],
    ) -> Result<Vec<Event>, Error> {
        let positions = positions.to_vec();
        self.with(tenant, move |connection| {
            queries::events_at(connection, &positions)
        })
        .await
    }

    async fn scan(
        &self,
        tenant: &Tenant,
        after: Option<Position>,
        limit: Limit,
    ) -> Result<Vec<Event>, Error> {
        let scan = move |connection: &mut Connection| queries::scan(connection, after, limit);
        self.with(tenant, scan).await
    }

    async fn unreferenced_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<FileId>, Error> {
        let wanted = files.to_vec();
        self.with(tenant, move |connection| {
            files::unreferenced(connection, &wanted)
        })
        .await
    }

    async fn tombstone_files(
        &self,
        tenant: &Tenant,
        files: &[FileId],
    ) -> Result<Vec<FileId>, Error> {
        let wanted = files.to_vec();
        self.with(tenant, move |connection| {
            files::tombstone(connection, &wanted)
        })
        .await
    }

    async fn id(&self) -> Result<Uuid, Error> {
        let outside = Arc::clone(&self.0);
        blocking(move || {
            let path = outside.registry();
            let _presence = Presence::begin(&outside, &[&path])?;
            let connection = connect_to_registry(&outside)?;
            let connection =
                connection.ok_or_else(|| refused(format!("there is no '{}'", path.display())))?;
            let id = entries::database_id(&connection).map_err(|error| sql_failed(&path, error))?;
            recovery::close_as_found(connection, &path)?;
            Ok(id)
        })
        .await
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
