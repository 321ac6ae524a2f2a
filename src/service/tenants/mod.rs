//! Creation and deletion of tenants. [`deleted_tenants`] has what can be undone of it, [`tenant_directory`] the lists.

mod deleted_tenants;
mod tenant_changes;
mod tenant_directory;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::domain::cause::chain;
use crate::domain::{
    Act, ActKind, Actor, ClientId, ClientSecret, DatabaseName, ObjectKey, Placement, Tenant,
};
use crate::service::{Access, Caller, Error, Service};
use crate::store::Created;

pub use deleted_tenants::DeletedPage;
pub(super) use deleted_tenants::describe_metrics;
pub use tenant_changes::TenantChanges;
pub use tenant_directory::TenantSummary;

/// A new tenant, with the secret, which is returned only once.
#[derive(Debug)]
pub struct NewClient {
    pub client_id: ClientId,
    pub client_secret: ClientSecret,
    pub database_name: DatabaseName,
}

impl Caller {
    /// Creates a tenant; its entry and database are durable when this returns. Without a placement it goes where new
    /// tenants go by the settings. A creation that outlasts its caller is undone: nobody would know the id and the secret,
    /// and the name would be taken.
    pub async fn create_tenant(
        &self,
        database_name: DatabaseName,
        client_label: String,
        placement: Option<Placement>,
    ) -> Result<NewClient, Error> {
        if self.tenant().is_some() {
            return Err(Error::OneTenantOnly);
        }
        let service = Arc::clone(&self.service);
        // Held until a creation that nobody waits for is undone, so that the next attempt finds the name free.
        let name = service.changes.lock(&database_name).await;
        let actor = self.actor();
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move {
            let _name = name;
            let tenant = service.new_tenant(database_name, client_label);
            let created = service.create_tenant(&actor, tenant, placement).await;
            if let Err(Ok(unanswered)) = answer.send(created) {
                service.undo_creation(&unanswered).await;
            }
        });
        answered.await.unwrap_or_else(|_| Err(Error::ended()))
    }

    /// Opens the tenant with this client id to delete it. One whose deletion is under way, or ended after its caller had
    /// stopped waiting, is unknown by then: that deletion is finished, or confirmed.
    pub async fn deletion(&self, client_id: Option<&str>) -> Result<Deletion, Error> {
        match self.access(client_id).await {
            Ok(access) => Ok(Deletion::Due(access)),
            Err(Error::ClientUnknown) => {
                let id = self.client_id(client_id)?;
                if let Some(tenant) = self.service.changes.take_unanswered(id) {
                    return Ok(Deletion::Done(tenant));
                }
                let resumed = self.service.store.resume_deletion(id).await?;
                resumed.map(Deletion::Done).ok_or(Error::ClientUnknown)
            }
            Err(error) => Err(error),
        }
    }
}

/// A tenant that a caller wants to delete.
#[derive(Debug)]
pub enum Deletion {
    Due(Access),
    /// An earlier call has deleted it.
    Done(Arc<Tenant>),
}

impl Deletion {
    /// Deletes the tenant, see [`Access::delete_tenant`].
    pub async fn run(self, files: TenantFiles) -> Result<Arc<Tenant>, Error> {
        match self {
            Self::Due(access) => access.delete_tenant(files).await,
            Self::Done(tenant) => Ok(tenant),
        }
    }
}

impl Service {
    fn new_tenant(&self, database_name: DatabaseName, client_label: String) -> (Tenant, NewClient) {
        let entropy = &*self.entropy;
        let client_id = ClientId::random(entropy);
        let client_secret = ClientSecret::random(entropy);
        let tenant = Tenant {
            client_id,
            database_name: database_name.clone(),
            client_label,
            client_secret_sha256: client_secret.sha256(),
            created_at: self.clock.now(),
        };
        let client = NewClient {
            client_id,
            client_secret,
            database_name,
        };
        (tenant, client)
    }

    async fn create_tenant(
        &self,
        actor: &Actor,
        (tenant, client): (Tenant, NewClient),
        placement: Option<Placement>,
    ) -> Result<NewClient, Error> {
        let act = Act::of(ActKind::TenantCreated)
            .of_tenant(&tenant)
            .set("client_label", &tenant.client_label);
        let creating = async {
            match self.store.create_placed_tenant(tenant, placement).await? {
                Created::New => Ok(()),
                Created::NameTaken => Err(Error::NameTaken),
                Created::TooManyDedicated(limit) => Err(Error::TooManyDedicated(limit)),
            }
        };
        self.audited(actor, act, creating).await?;
        tracing::info!(tenant = %client.database_name, "tenant created");
        Ok(client)
    }

    async fn undo_creation(&self, unanswered: &NewClient) {
        let name = &unanswered.database_name;
        let undone = match self.store.tenant_by_client_id(unanswered.client_id).await {
            Ok(Some(tenant)) => {
                let deleted = self.store.delete_tenant(&tenant).await;
                if deleted.is_ok() {
                    self.record_undone(&tenant).await;
                }
                deleted
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        match undone {
            Ok(()) => tracing::warn!(tenant = %name, "undid a creation that had taken too long"),
            Err(error) => {
                let error = chain(&error);
                tracing::error!(tenant = %name, client_id = %unanswered.client_id, "cannot undo a creation that had taken too long: {error}");
            }
        }
    }

    async fn record_undone(&self, tenant: &Tenant) {
        let act = Act::of(ActKind::TenantDeleted)
            .of_tenant(tenant)
            .set("reason", "its creation had taken too long");
        if let Err(error) = self.record(&Actor::service(), act).await {
            let name = &tenant.database_name;
            tracing::error!(tenant = %name, "an undone creation was not recorded: {}", chain(&error));
        }
    }
}

/// The treatment of a tenant's files when the tenant is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TenantFiles {
    #[default]
    Keep,
    Delete,
}

impl TenantFiles {
    const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Delete => "delete",
        }
    }
}

/// How a tenant is removed.
#[derive(Debug, Clone, Copy)]
enum Removal {
    ForGood,
    /// It can be restored until then.
    Hide {
        until: Timestamp,
        files: TenantFiles,
    },
}

impl Access {
    /// Deletes the tenant's files if requested, then its database and entry. If interrupted, a repeated call resumes. Where
    /// the operator wants a delay, the tenant is hidden, and all of that is done once the delay has passed.
    pub async fn delete_tenant(self, files: TenantFiles) -> Result<Arc<Tenant>, Error> {
        self.require_no_hold().await?;
        if files == TenantFiles::Delete {
            self.service.require_no_object_lock()?;
        }
        let act = Act::of(ActKind::TenantDeleted).set("files", files.name());
        if let Some(delay) = self.service.settings.deletion_delay {
            let until = self.service.clock.now().saturating_add(delay);
            let until = until.unwrap_or(Timestamp::MAX); // no delay is that long
            let act = act.set("restorable_until", until);
            return self
                .audited(act, self.remove(Removal::Hide { until, files }))
                .await;
        }
        let deletion = async {
            if files == TenantFiles::Delete {
                let name = self.database_name();
                let check = || self.require_no_hold(); // one may be placed meanwhile
                self.service.delete_files_of(name, check).await?;
            }
            self.remove(Removal::ForGood).await
        };
        self.audited(act, deletion).await
    }

    /// Removes the tenant, also if the caller stops waiting.
    async fn remove(&self, removal: Removal) -> Result<Arc<Tenant>, Error> {
        let (answer, answered) = oneshot::channel();
        let (service, tenant) = (Arc::clone(&self.service), Arc::clone(&self.tenant));
        tokio::spawn(async move {
            let deleted = match removal {
                Removal::ForGood => service.store.delete_tenant(&tenant).await,
                Removal::Hide { until, files } => {
                    let with_files = files == TenantFiles::Delete;
                    service.store.hide_tenant(&tenant, until, with_files).await
                }
            };
            if deleted.is_ok() {
                tracing::info!(tenant = %tenant.database_name, ?removal, "tenant deleted");
            }
            let unanswered = answer.send(deleted.map(|()| Arc::clone(&tenant)));
            if let Err(Ok(tenant)) = unanswered {
                service.changes.add_unanswered(tenant);
            }
        });
        let deleted = answered.await.map_err(|_| Error::ended())?;
        Ok(deleted?)
    }
}

impl Service {
    fn require_no_object_lock(&self) -> Result<(), Error> {
        if self.settings.object_lock.is_some() {
            let reason = "files that events reference are locked, nothing was deleted";
            return Err(Error::StorageRefused(reason.to_owned()));
        }
        Ok(())
    }

    /// Deletes every file under a tenant's prefix, referenced or not. Calls `check` between listing some and deleting them:
    /// what it confirms is true of all of them, even if the name is another tenant's by the time they are deleted.
    async fn delete_files_of<F>(
        &self,
        name: &DatabaseName,
        check: impl Fn() -> F + Send,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>> + Send,
    {
        let objects = &self.objects;
        let mut after: Option<String> = None;
        loop {
            let page = objects.list(Some(name), after.as_deref()).await?;
            check().await?;
            let keys: Vec<ObjectKey> = page.objects.into_iter().map(|it| it.key).collect();
            if !keys.is_empty() {
                let kept = objects.delete(&keys).await?;
                let removed = keys.len() - kept.len();
                tracing::info!(tenant = %name, removed, "tenant's files deleted");
                if let Some((key, reason)) = kept.first() {
                    let reason = format!("it keeps '{key}' ({reason}), the tenant was not deleted");
                    return Err(Error::StorageRefused(reason));
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
