//! Reads a tenant's history.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::api::found;
use crate::client::{Client, Error};

/// The names and values of query parameters.
pub type Parameters = Vec<(&'static str, String)>;

/// The most events in one response: with some megabytes at most in all but rare histories.
const PAGE: u64 = 200;

/// How much longer than it was asked to wait the service may take to answer.
const FEED_GRACE: Duration = Duration::from_mins(1);

/// Some events of a list. Each is the text that the service sent.
#[derive(Debug, Deserialize)]
pub struct EventsPage {
    /// `None`: the service did not count.
    #[serde(default)]
    pub filtered_count: Option<u64>,
    /// Where the next page begins; `None` behind the last event.
    #[serde(default)]
    pub next_cursor: Option<String>,
    pub results: Vec<Box<RawValue>>,
}

/// Some events in the order of their arrival. Each is the text that the service sent.
#[derive(Debug, Deserialize)]
pub struct FeedPage {
    /// Where to continue.
    pub cursor: String,
    pub has_more: bool,
    pub results: Vec<Box<RawValue>>,
}

/// An event as the service shows it.
#[derive(Debug, Deserialize)]
pub struct HistoryEvent {
    pub event_id: String,
    pub event_time: String,
    pub event_type_id: i32,
    /// `None`: the service has no name for it.
    pub event_type: Option<String>,
    pub record_id: i64,
    pub source_id: i64,
    pub source_type_id: i32,
    /// `None`: the service has no name for it.
    pub source_type: Option<String>,
    #[serde(default)]
    pub source_name: String,
    #[serde(default)]
    pub source_info: String,
    pub event_data: Box<RawValue>,
}

impl HistoryEvent {
    pub fn parse(json: &RawValue) -> Result<Self, Error> {
        serde_json::from_str(json.get()).map_err(|cause| Error::Answer {
            request: "events",
            cause: cause.into(),
        })
    }
}

/// A walk over the list of events, a page at a time.
#[derive(Debug)]
pub struct Walk<'a> {
    client: &'a Client,
    filters: Parameters,
    /// The events that may still be listed.
    left: u64,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Start,
    Cursor(String),
    End,
}

impl Walk<'_> {
    /// Returns the next events; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Box<RawValue>>>, Error> {
        let limit = self.left.min(PAGE);
        let mut query = self.filters.clone();
        query.push(("limit", limit.to_string()));
        query.push(("count", "none".to_owned()));
        match &self.place {
            _ if limit == 0 => return Ok(None),
            Place::End => return Ok(None),
            Place::Start => {}
            Place::Cursor(cursor) => query.push(("cursor", cursor.clone())),
        }
        let EventsPage {
            filtered_count: _,
            next_cursor,
            results,
        } = self.client.events(&query).await?;
        let found = results.len() as u64;
        self.left = self.left.saturating_sub(found);
        self.place = next_cursor.map_or(Place::End, Place::Cursor);
        Ok(Some(results))
    }
}

impl Client {
    /// Walks over the events that match `filters`, at most `limit`.
    pub fn walk(&self, filters: Parameters, limit: u64) -> Walk<'_> {
        Walk {
            client: self,
            filters,
            left: limit,
            place: Place::Start,
        }
    }

    /// Returns a page of the list of events.
    pub async fn events(&self, query: &Parameters) -> Result<EventsPage, Error> {
        let segments = ["history", "events"];
        self.api.read("events", &segments, query, None).await
    }

    /// Counts the events that match `filters`, in one attempt.
    pub async fn count(&self, filters: &Parameters) -> Result<u64, Error> {
        let mut query = filters.clone();
        query.push(("limit", "1".to_owned()));
        let page: EventsPage = self.api.read_once(&["history", "events"], &query).await?;
        Ok(page.filtered_count.unwrap_or_default())
    }

    /// Returns the events that arrived behind `after` (`None`: all) and match `filters`. If there are none, waits for one.
    pub async fn feed(
        &self,
        after: Option<&str>,
        filters: &Parameters,
        limit: u32,
        wait: Duration,
    ) -> Result<FeedPage, Error> {
        let mut query = filters.clone();
        query.extend(after.map(|after| ("after", after.to_owned())));
        query.push(("limit", limit.to_string()));
        query.push(("wait", wait.as_secs().to_string()));
        let timeout = Some(wait + FEED_GRACE);
        let segments = ["history", "feed"];
        self.api.read("feed", &segments, &query, timeout).await
    }

    /// Returns a record as its events tell it, now or at an instant, as the text that the service sent; `None` if it has no
    /// events.
    pub async fn record(
        &self,
        record_id: i64,
        at: Option<&str>,
    ) -> Result<Option<Box<RawValue>>, Error> {
        let query: Parameters = at.map(|at| ("at", at.to_owned())).into_iter().collect();
        let segments = ["history", "records", &record_id.to_string()];
        found(self.api.read("records", &segments, &query, None).await)
    }
}
