//! Making and removing tenants.

use std::sync::Arc;

use super::{Access, Caller, Error};
use crate::domain::{ClientId, ClientSecret, DatabaseName, Tenant};
use crate::store::Created;

/// A tenant that was just made, with the secret that is shown this once.
#[derive(Debug)]
pub struct NewClient {
    pub client_id: ClientId,
    pub client_secret: ClientSecret,
    pub database_name: DatabaseName,
}

impl Caller {
    /// Makes a tenant: its entry and its database are durable when this answers.
    pub async fn create_tenant(
        &self,
        database_name: DatabaseName,
        client_label: String,
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
        match self.service.store.create_tenant(tenant).await? {
            Created::New => {
                tracing::info!(tenant = %database_name, "tenant created");
                Ok(NewClient {
                    client_id,
                    client_secret,
                    database_name,
                })
            }
            Created::NameTaken => Err(Error::NameTaken),
        }
    }
}

impl Access {
    /// Removes the tenant's entry and database; its files stay in storage.
    pub async fn delete_tenant(self) -> Result<Arc<Tenant>, Error> {
        self.service.store.delete_tenant(&self.tenant).await?;
        tracing::info!(tenant = %self.tenant.database_name, "tenant deleted");
        Ok(self.tenant)
    }
}
