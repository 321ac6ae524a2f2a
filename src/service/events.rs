//! Reading a tenant's history.

use super::{Access, Error};
use crate::domain::{Event, Page, Position, Query};

impl Access {
    /// Returns the page of events that `query` asks for, and the counts that go with it.
    pub async fn events(&self, query: &Query) -> Result<Page, Error> {
        Ok(self.service.store.events(&self.tenant, query).await?)
    }

    /// Returns the events at the beginning of what is left of a page: at least one, unless it is not there any more.
    pub async fn events_at(&self, positions: &[Position]) -> Result<Vec<Event>, Error> {
        let store = &self.service.store;
        Ok(store.events_at(&self.tenant, positions).await?)
    }
}
