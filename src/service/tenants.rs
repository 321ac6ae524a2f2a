//! Creation and deletion of tenants.

use std::sync::Arc;

use super::{Access, Caller, Error};
use crate::domain::{ClientId, ClientSecret, DatabaseName, ObjectKey, Placement, Tenant};
use crate::store::Created;

/// A new tenant, with the secret, which is returned only once.
#[derive(Debug)]
pub struct NewClient {
    pub client_id: ClientId,
    pub client_secret: ClientSecret,
    pub database_name: DatabaseName,
}

impl Caller {
    /// Creates a tenant; its entry and database are durable when this returns. Without a placement it goes where new
    /// tenants go by the settings.
    pub async fn create_tenant(
        &self,
        database_name: DatabaseName,
        client_label: String,
        placement: Option<Placement>,
    ) -> Result<NewClient, Error> {
        let entropy = &*self.service.entropy;
        let client_id = ClientId::random(entropy);
        let client_secret = ClientSecret::random(entropy);
        let tenant = Tenant {
            client_id,
            database_name: database_name.clone(),
            client_label,
            client_secret_sha256: client_secret.sha256(),
            created_at: self.service.clock.now(),
        };
        let store = &self.service.store;
        match store.create_placed_tenant(tenant, placement).await? {
            Created::New => {
                tracing::info!(tenant = %database_name, "tenant created");
                Ok(NewClient {
                    client_id,
                    client_secret,
                    database_name,
                })
            }
            Created::NameTaken => Err(Error::NameTaken),
            Created::TooManyDedicated(limit) => Err(Error::TooManyDedicated(limit)),
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

impl Access {
    /// Deletes the tenant's files if requested, then its database and entry. If interrupted, a repeated call resumes.
    pub async fn delete_tenant(self, files: TenantFiles) -> Result<Arc<Tenant>, Error> {
        if files == TenantFiles::Delete {
            self.delete_files().await?;
        }
        self.service.store.delete_tenant(&self.tenant).await?;
        tracing::info!(tenant = %self.tenant.database_name, "tenant deleted");
        Ok(self.tenant)
    }

    /// Deletes every file under the tenant's prefix, referenced or not.
    async fn delete_files(&self) -> Result<(), Error> {
        if self.service.settings.object_lock.is_some() {
            let reason = "files that events reference are locked, nothing was deleted";
            return Err(Error::StorageRefused(reason.to_owned()));
        }
        let objects = &self.service.objects;
        let name = &self.tenant.database_name;
        let mut after: Option<String> = None;
        loop {
            let page = objects.list(Some(name), after.as_deref()).await?;
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
