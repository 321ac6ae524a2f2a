//! Reading a tenant's history.

use super::{Access, Error};
use crate::domain::query::Limit;
use crate::domain::{
    Chunk, Cursor, Event, EventId, Feed, Grouping, Page, PageCursor, Position, Query, Stats,
};
use crate::store::News;

impl Access {
    /// Returns the page of events that matches `query`, which begins behind the position of `cursor` if there is one, and the
    /// cursor of the next page; `None` at the end.
    pub async fn events(
        &self,
        cursor: Option<PageCursor>,
        query: &Query,
    ) -> Result<(Page, Option<PageCursor>), Error> {
        let (store, id) = (&self.service.store, self.tenant.client_id);
        let mut epoch = None;
        if let Some(cursor) = cursor {
            let current = store.epoch(&self.tenant).await?;
            cursor.require(id, current).map_err(Error::CursorRefused)?;
            epoch = Some(current);
        }
        let mut page = store.events(&self.tenant, &self.restrict(query)).await?;
        if let (Some(record_id), Some(counts)) = (self.record_id(), &mut page.counts) {
            counts.total = self.count_record(record_id).await?;
        }
        let last = page.rest.last().copied();
        let last = last.or_else(|| page.events.last().map(Event::position));
        let next = match last.filter(|_| page.has_more) {
            Some(last) => {
                let epoch = match epoch {
                    Some(epoch) => epoch,
                    None => store.epoch(&self.tenant).await?,
                };
                Some(PageCursor::new(id, epoch, query.ordering, last))
            }
            None => None,
        };
        Ok((page, next))
    }

    /// Counts the events of a record.
    async fn count_record(&self, record_id: i64) -> Result<u64, Error> {
        let query = Query {
            record_ids: vec![record_id],
            limit: Limit::clamped(1),
            ..Query::default()
        };
        let page = self.service.store.events(&self.tenant, &query).await?;
        Ok(page.counts.map_or(0, |counts| counts.filtered))
    }

    /// Returns the event with this id.
    pub async fn event(&self, event_id: EventId) -> Result<Event, Error> {
        let found = self.service.store.event(&self.tenant, event_id).await?;
        let found = found.filter(|event| self.shows(event.record_id));
        found.ok_or(Error::EventNotFound { event_id })
    }

    /// Returns the events behind a position that match the filters of `query`.
    pub async fn events_behind(
        &self,
        after: Option<Position>,
        query: &Query,
    ) -> Result<Chunk, Error> {
        let store = &self.service.store;
        Ok(store
            .events_behind(&self.tenant, after, &self.restrict(query))
            .await?)
    }

    /// Counts the events that match the filters of `query`.
    pub async fn stats(&self, query: &Query, grouping: Grouping) -> Result<Stats, Error> {
        let store = &self.service.store;
        Ok(store
            .stats(&self.tenant, &self.restrict(query), grouping)
            .await?)
    }

    /// Returns the next events of a page, at least one unless it has been deleted.
    pub async fn events_at(&self, positions: &[Position]) -> Result<Vec<Event>, Error> {
        self.require_valid().await?;
        let store = &self.service.store;
        Ok(store.events_at(&self.tenant, positions).await?)
    }

    /// Returns the events behind `after` in arrival order that match the filters of `query`.
    pub async fn feed(&self, after: Option<&Cursor>, query: &Query) -> Result<Feed, Error> {
        self.require_valid().await?;
        let store = &self.service.store;
        Ok(store
            .feed(&self.tenant, after, &self.restrict(query))
            .await?)
    }

    /// Returns the cursor behind the newest event.
    pub async fn newest_cursor(&self) -> Result<Cursor, Error> {
        Ok(self.service.store.newest_cursor(&self.tenant).await?)
    }

    /// Returns the cursor behind an event; `None` if there is none with this id.
    pub async fn cursor_behind(&self, event_id: EventId) -> Result<Option<Cursor>, Error> {
        let store = &self.service.store;
        if self.record_id().is_some() {
            match self.event(event_id).await {
                Ok(_) => {}
                Err(Error::EventNotFound { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(store.cursor_behind(&self.tenant, event_id).await?)
    }

    /// Subscribes to new events.
    pub async fn news(&self) -> Result<News, Error> {
        Ok(self.service.store.news(&self.tenant).await?)
    }
}
