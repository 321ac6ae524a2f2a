//! Administration: tenants and keys. Answers are kept as the service sent them, for programs.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Client, Error};

/// The tenants of one response.
const PAGE: &str = "1000";

/// A page of the list of tenants.
#[derive(Debug, Deserialize)]
pub struct TenantsPage {
    /// To be parsed as [`TenantEntry`].
    pub tenants: Vec<Value>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct TenantEntry {
    pub client_id: String,
    pub database_name: String,
    pub client_label: String,
    pub created_at: String,
    /// Only of a deleted tenant.
    pub restorable_until: Option<String>,
}

/// A tenant, and what it has.
#[derive(Debug, Deserialize)]
pub struct TenantDetails {
    #[serde(flatten)]
    pub tenant: TenantEntry,
    pub events: u64,
    pub files: u64,
    pub bytes: u64,
    pub last_event_time: Option<String>,
}

/// A tenant that was just created.
#[derive(Debug)]
pub struct CreatedTenant {
    pub client_id: String,
    pub client_secret: String,
    pub answer: Value,
}

/// A secret that was just made.
#[derive(Debug)]
pub struct NewSecret {
    pub client_secret: String,
    pub previous_valid_until: String,
    pub answer: Value,
}

/// A key that was just made.
#[derive(Debug)]
pub struct CreatedKey {
    pub id: String,
    pub key: String,
    pub answer: Value,
}

/// A key, without its text.
#[derive(Debug, Deserialize)]
pub struct KeyEntry {
    pub id: String,
    pub name: String,
    pub scopes: Vec<String>,
    /// `None`: for all tenants.
    pub client_id: Option<String>,
    pub expires_at: Option<String>,
    pub last_used_at: Option<String>,
}

impl TenantEntry {
    pub fn parse(answer: &Value) -> Result<Self, Error> {
        parse("tenants", answer)
    }
}

impl TenantDetails {
    pub fn parse(answer: &Value) -> Result<Self, Error> {
        parse("tenants", answer)
    }
}

impl KeyEntry {
    pub fn parse(answer: &Value) -> Result<Self, Error> {
        parse("keys", answer)
    }
}

/// Requests that create something are sent once: after a lost answer, it is unknown whether it exists.
impl Client {
    /// Returns a page of the tenants, or of those with this text: of the deleted ones that can be restored, or of the others.
    pub async fn tenants(
        &self,
        text: Option<&str>,
        deleted: bool,
        cursor: Option<&str>,
    ) -> Result<TenantsPage, Error> {
        let mut query = vec![("limit", PAGE.to_owned())];
        if deleted {
            query.push(("deleted", "true".to_owned()));
        }
        query.extend(text.map(|it| ("q", it.to_owned())));
        query.extend(cursor.map(|it| ("cursor", it.to_owned())));
        self.api.read("tenants", &["tenants"], &query, None).await
    }

    /// Returns a tenant, and what it has.
    pub async fn tenant(&self, client_id: &str) -> Result<Value, Error> {
        let segments = ["tenants", client_id];
        self.api.read("tenants", &segments, &[], None).await
    }

    pub async fn create_tenant(&self, body: &Value) -> Result<CreatedTenant, Error> {
        #[derive(Deserialize)]
        struct Created {
            client_id: String,
            client_secret: String,
        }
        let name = "initialize-tenant";
        let answer = self.api.post_once(name, &[name], &[], Some(body)).await?;
        let Created {
            client_id,
            client_secret,
        } = parse(name, &answer)?;
        Ok(CreatedTenant {
            client_id,
            client_secret,
            answer,
        })
    }

    /// Restores a tenant that was deleted.
    pub async fn restore_tenant(&self, client_id: &str) -> Result<(), Error> {
        let segments = ["tenants", client_id, "restore"];
        let answer = self.api.post_once("restore", &segments, &[], None);
        answer.await.map(drop)
    }

    /// Gives a tenant another label.
    pub async fn label_tenant(&self, client_id: &str, label: &str) -> Result<Value, Error> {
        self.api.patch_tenant(client_id, label).await
    }

    /// Gives a tenant another secret. The previous one is accepted for some seconds.
    pub async fn rotate_secret(
        &self,
        client_id: &str,
        overlap: Option<u64>,
    ) -> Result<NewSecret, Error> {
        #[derive(Deserialize)]
        struct Rotated {
            client_secret: String,
            previous_valid_until: String,
        }
        let segments = ["tenants", client_id, "rotate-secret"];
        let query = overlap.map(|it| ("overlap", it.to_string()));
        let query: Vec<_> = query.into_iter().collect();
        let answer = self.api.post_once("rotate-secret", &segments, &query, None);
        let answer = answer.await?;
        let Rotated {
            client_secret,
            previous_valid_until,
        } = parse("rotate-secret", &answer)?;
        Ok(NewSecret {
            client_secret,
            previous_valid_until,
            answer,
        })
    }

    /// Deletes a tenant, and its files where asked for. Retries that: many files take several requests.
    pub async fn delete_tenant(&self, client_id: &str, files: bool) -> Result<(), Error> {
        self.api.delete_tenant(client_id, files).await
    }

    /// Returns the keys that were not revoked.
    pub async fn keys(&self) -> Result<Vec<Value>, Error> {
        #[derive(Deserialize)]
        struct Keys {
            keys: Vec<Value>,
        }
        let keys: Keys = self.api.read("keys", &["keys"], &[], None).await?;
        Ok(keys.keys)
    }

    pub async fn create_key(&self, body: &Value) -> Result<CreatedKey, Error> {
        #[derive(Deserialize)]
        struct Created {
            id: String,
            key: String,
        }
        let answer = self
            .api
            .post_once("keys", &["keys"], &[], Some(body))
            .await?;
        let Created { id, key } = parse("keys", &answer)?;
        Ok(CreatedKey { id, key, answer })
    }

    pub async fn revoke_key(&self, id: &str) -> Result<(), Error> {
        self.api.revoke_key(id).await
    }
}

fn parse<T: DeserializeOwned>(request: &'static str, answer: &Value) -> Result<T, Error> {
    serde_json::from_value(answer.clone()).map_err(|cause| Error::Answer {
        request,
        cause: cause.into(),
    })
}
