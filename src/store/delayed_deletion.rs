//! The part of the store's contract that is about deletions of tenants that can be undone for a while.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Error;
use crate::domain::{ClientId, DatabaseName, HiddenTenant, Tenant};

/// Deletes tenants in two steps. The first hides a tenant and removes nothing; until some instant it can be undone. The second
/// deletes it for good. Instants are compared with the clock of the store.
#[async_trait]
pub trait DelayedDeletion: Debug + Send + Sync {
    /// Hides a tenant, which can be restored until the instant `until`. From then on it is unknown like one that
    /// [`Store::delete_tenant`] deleted, to other replicas within the time for which they remember entries, and calls in flight end
    /// alike, and [`Store::delete_tenant`] leaves it alone; but its name stays taken. `with_files` is noted for whoever deletes it for good. Hiding a tenant that does not
    /// exist, or is hidden, changes nothing and is no error. [`Error::UnderHold`] as for a deletion.
    ///
    /// [`Store::delete_tenant`]: super::Store::delete_tenant
    async fn hide_tenant(
        &self,
        tenant: &Tenant,
        until: Timestamp,
        with_files: bool,
    ) -> Result<(), Error>;

    /// Makes a hidden tenant what it was, with its events, rules and secrets; its cursors continue. `None` if no tenant with
    /// this client id is hidden, or no longer can be restored.
    async fn restore_tenant(&self, id: ClientId) -> Result<Option<Arc<Tenant>>, Error>;

    /// Returns the hidden tenants, by name.
    async fn hidden_tenants(&self) -> Result<Vec<HiddenTenant>, Error>;

    /// Returns the hidden tenant with this client id.
    async fn hidden_tenant(&self, id: ClientId) -> Result<Option<HiddenTenant>, Error>;

    /// Deletes a hidden tenant for good if it is due, like [`Store::delete_tenant`]. Returns false if no tenant with this
    /// client id is hidden and due.
    ///
    /// [`Store::delete_tenant`]: super::Store::delete_tenant
    async fn delete_hidden(&self, id: ClientId) -> Result<bool, Error>;

    /// Tells whether a tenant has this name, in whatever state: files below a name that is taken belong to somebody.
    async fn is_name_taken(&self, name: &DatabaseName) -> Result<bool, Error>;
}
