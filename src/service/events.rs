//! Reading a tenant's history.

use super::{Access, Error};
use crate::domain::{Event, Page, Position, Query};

impl Access {
    /// Returns the page of events that matches `query`, and its counts.
    pub async fn events(&self, query: &Query) -> Result<Page, Error> {
        Ok(self.service.store.events(&self.tenant, query).await?)
    }

    /// Returns the next events of a page, at least one unless it has been deleted.
    pub async fn events_at(&self, positions: &[Position]) -> Result<Vec<Event>, Error> {
        let store = &self.service.store;
        Ok(store.events_at(&self.tenant, positions).await?)
    }
}
