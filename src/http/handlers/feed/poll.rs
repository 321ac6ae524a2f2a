//! Follows a tenant's history in the order in which events arrived.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;

use super::position;
use crate::domain::{Cursor, Feed, Query, ReceivedAt};
use crate::http::extractors::Parameters;
use crate::http::extractors::event_query::EventFilters;
use crate::http::extractors::feed_parameters::{
    FeedLimit, FeedParameters, FeedStart, FeedWait, MAX_WAIT_SECONDS,
};
use crate::http::responses::openapi::{RequestErrors, TenantErrors, UnavailableErrors};
use crate::http::responses::{
    ApiError, ApiResult, EventBody, EventPage, READ_PAUSE, acquire_for_read,
};
use crate::http::state::{AppState, Full, MemoryPermit};
use crate::service::Access;

pub(crate) const FEED_PATH: &str = "/api/history/feed";

/// The longest time that a request waits for new events, in addition to the time that any request may take.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(MAX_WAIT_SECONDS);

const DELAY: &str = "event_history_feed_delay_seconds";

/// Part of a tenant's history in arrival order.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents what `feed` writes")]
pub(crate) struct FeedBody {
    /// The position to continue from, as `after`: also where there are no events.
    cursor: String,
    /// There are events behind the cursor, which may or may not match the filters.
    has_more: bool,
    results: Vec<EventBody>,
}

/// The members of [`FeedBody`] before its results.
#[derive(Debug, Serialize)]
struct HeadBody {
    cursor: String,
    has_more: bool,
}

/// Returns a tenant's events in the order in which they arrived.
///
/// Once a cursor has been returned, no acknowledged event ever appears before it: who passes each cursor on as `after` sees
/// every acknowledged event exactly once, however late or backdated it is.
#[utoipa::path(
    get, path = FEED_PATH, operation_id = "get_feed", tag = "events",
    security(("api_key" = [], "client_id" = [])),
    params(FeedStart, FeedWait, EventFilters, FeedLimit),
    responses(
        (status = 200, description = "The next events", body = FeedBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn feed(
    State(state): State<Arc<AppState>>,
    access: Access,
    RawQuery(query): RawQuery,
) -> ApiResult<Response> {
    let FeedParameters { query, after, wait } =
        Parameters::parse(query.as_deref())?.feed_query()?;
    let after = position(&access, after.as_deref()).await?;
    let (feed, permit) = read(&state, &access, after, &query, wait).await?;
    let Feed {
        events,
        positions: _,
        cursor,
        has_more,
    } = feed;
    let head = HeadBody {
        cursor: cursor.to_string(),
        has_more,
    };
    EventPage::respond(state, access, &head, (events, Vec::new()), permit).await
}

/// Reads the next events. If there are none, waits for up to `wait`, holding nothing of the store.
async fn read(
    state: &AppState,
    access: &Access,
    mut after: Option<Cursor>,
    query: &Query,
    wait: Duration,
) -> ApiResult<(Feed, MemoryPermit)> {
    let started = ReceivedAt::from(state.service.clock.now());
    let deadline = Instant::now() + wait;
    let (mut waiting, mut was_woken) = (None, false);
    loop {
        let permit = acquire_for_read(state, access).await;
        let feed = access.feed(after.as_ref(), query).await?;
        let is_over = !feed.events.is_empty() || feed.has_more || Instant::now() >= deadline;
        if is_over {
            record_delay(state, &feed, started);
            return Ok((feed, permit));
        }
        after = Some(feed.cursor);
        let Some((waiter, news)) = &mut waiting else {
            let waiter = state
                .waiters
                .enter(access.client_id(), access.limited_key());
            let waiter = waiter.map_err(|Full(of)| ApiError::TooManyWaiting { of })?;
            waiting = Some((waiter, access.news().await?));
            continue; // with what arrived before the subscription
        };
        drop(permit);
        let next_read = Instant::now() + READ_PAUSE;
        tokio::select! {
            () = news.changed() => {}
            () = sleep_until(deadline) => {}
            () = waiter.shutdown() => {
                let permit = acquire_for_read(state, access).await;
                return Ok((feed, permit));
            }
        }
        if was_woken {
            sleep_until(next_read.min(deadline)).await;
        }
        was_woken = true;
    }
}

/// Records how long an event that arrived during the request took to reach its reader.
fn record_delay(state: &AppState, feed: &Feed, started: ReceivedAt) {
    let first = feed.events.first().and_then(|event| event.received_at);
    let Some(received_at) = first.filter(|it| *it >= started) else {
        return;
    };
    let now = ReceivedAt::from(state.service.clock.now());
    let micros = now.micros().saturating_sub(received_at.micros());
    let delay = Duration::from_micros(u64::try_from(micros).unwrap_or_default());
    metrics::histogram!(DELAY).record(delay);
}

pub(crate) fn describe_metrics() {
    use metrics::{Unit, describe_gauge, describe_histogram};
    describe_gauge!(
        "event_history_feed_waiters",
        "Requests that wait for new events."
    );
    describe_histogram!(
        DELAY,
        Unit::Seconds,
        "Time from the receipt of an event until a request that waited for it was answered."
    );
}
