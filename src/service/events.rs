//! Reading a tenant's history.

use super::{Access, Error};
use crate::domain::{Page, Query};

impl Access {
    /// Returns the page of events that `query` asks for, and the counts that go with it.
    pub async fn events(&self, query: &Query) -> Result<Page, Error> {
        Ok(self.service.store.events(&self.tenant, query).await?)
    }
}
