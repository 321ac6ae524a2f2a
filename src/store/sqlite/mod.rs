//! The embedded backend: SQLite, a registry and one database file per tenant.
use crate::domain::*;
use crate::store::*;
use async_trait::async_trait;
use std::path::Path;
#[derive(Debug)]
pub struct Sqlite;
impl Sqlite {
    pub async fn open(_: &Path) -> Result<Self, Error> {
        Ok(Self)
    }
}
#[async_trait]
impl Store for Sqlite {
    async fn create_tenant(&self, _: Tenant) -> Result<Created, Error> {
        unimplemented!()
    }
    async fn tenant_by_client_id(&self, _: ClientId) -> Result<Option<Arc<Tenant>>, Error> {
        unimplemented!()
    }
    async fn tenant_by_name(&self, _: &DatabaseName) -> Result<Option<Arc<Tenant>>, Error> {
        unimplemented!()
    }
    async fn has_database(&self, _: &Tenant) -> Result<bool, Error> {
        unimplemented!()
    }
    async fn delete_tenant(&self, _: &Tenant) -> Result<(), Error> {
        unimplemented!()
    }
    async fn append(&self, _: &Tenant, _: Vec<Event>) -> Result<Vec<Appended>, Error> {
        unimplemented!()
    }
    async fn event(&self, _: &Tenant, _: EventId) -> Result<Option<Event>, Error> {
        unimplemented!()
    }
    async fn events(&self, _: &Tenant, _: &Query) -> Result<Page, Error> {
        unimplemented!()
    }
    async fn ping(&self) -> Result<(), Error> {
        unimplemented!()
    }
    async fn check(&self) -> Vec<Finding> {
        unimplemented!()
    }
    async fn close(&self) -> Result<(), Error> {
        unimplemented!()
    }
}
