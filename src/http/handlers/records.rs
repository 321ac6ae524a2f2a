//! Shows a record as its events tell it, and what changed between two instants.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::HeaderMap;

use crate::domain::query::Limit;
use crate::domain::record::ReplayError;
use crate::domain::{Event, EventTime, Invalid, Ordering, Query, RecordReplay};
use crate::http::extractors::parameters::integer;
use crate::http::extractors::{Parameters, PathParameters, Problems, path_parameter};
use crate::http::responses::openapi::{
    NotModified, RequestErrors, TenantErrors, UnavailableErrors,
};
use crate::http::responses::{
    ApiError, ApiResult, EntityTag, ErrorBody, RecordDiffBody, RecordStateBody,
    acquire_for_read_and,
};
use crate::http::state::{AppState, MemoryPermit};
use crate::service::{self, Access};

/// The sizes of the state that a replay may hold: that of nearly all records, and the largest that is shown.
const STATE_BYTES: [u32; 2] = [512 * 1024, 8 * 1024 * 1024];

/// What is made of a state takes as much again at most: its JSON.
const OUTPUT_FACTOR: u32 = 2;

/// Returns a record as its events tell it: now, or at an instant.
#[utoipa::path(
    get, path = "/api/history/records/{record_id}", operation_id = "get_record", tag = "events",
    security(("api_key" = [], "client_id" = [])),
    params(
        ("record_id" = i64, Path, description = "The record's id"),
        ("at" = Option<String>, Query, format = DateTime,
         description = "The instant, RFC 3339: its events are the last that count. By default all events count, also \
                        those of a later time than now"),
        ("If-None-Match" = Option<String>, Header, description = "Tags of answers that the caller has"),
    ),
    responses(
        (status = 200, description = "The record", body = RecordStateBody),
        (status = 404, description = "The record has no events, or none until the instant", body = ErrorBody),
        NotModified, RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn record(
    State(state): State<Arc<AppState>>,
    access: Access,
    path: PathParameters,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let mut problems = Problems::default();
    let record_id = path_parameter(&path, "record_id", integer, &mut problems);
    let parameters = Parameters::parse(query.as_deref())?;
    parameters.only(&["at"], &mut problems);
    let at = parameters.optional(&mut problems, "at", EventTime::parse);
    let (record_id, at) = problems.finish(record_id.zip(at))?;

    let (replay, permit) = replay(&state, &access, record_id, None, at).await?;
    let catalogue = access.catalogue();
    let write = move || {
        let record = replay.into_state();
        let body = RecordStateBody::new(record_id, at, &record, &catalogue);
        record.has_events().then(|| serde_json::to_vec(&body))
    };
    let json = state.cpu_pool.run(write).await?;
    respond(record_id, &headers, json, permit)
}

/// Returns what changed of a record between two instants.
#[utoipa::path(
    get, path = "/api/history/records/{record_id}/diff", operation_id = "get_record_diff", tag = "events",
    security(("api_key" = [], "client_id" = [])),
    params(
        ("record_id" = i64, Path, description = "The record's id"),
        ("from" = String, Query, format = DateTime,
         description = "The first instant, RFC 3339: its events are before the change"),
        ("to" = Option<String>, Query, format = DateTime,
         description = "The second instant, RFC 3339, not before the first: its events are the last that count. By \
                        default all events count"),
        ("If-None-Match" = Option<String>, Header, description = "Tags of answers that the caller has"),
    ),
    responses(
        (status = 200, description = "What changed", body = RecordDiffBody),
        (status = 404, description = "The record has no events, or none until the second instant", body = ErrorBody),
        NotModified, RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn diff(
    State(state): State<Arc<AppState>>,
    access: Access,
    path: PathParameters,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let mut problems = Problems::default();
    let record_id = path_parameter(&path, "record_id", integer, &mut problems);
    let parameters = Parameters::parse(query.as_deref())?;
    parameters.only(&["from", "to"], &mut problems);
    let from = parameters.required(&mut problems, "from", EventTime::parse);
    let to = parameters.optional(&mut problems, "to", |text| {
        let to = EventTime::parse(text)?;
        let is_before = from.is_some_and(|from| to.micros() < from.micros());
        let message = "Input should not be before 'from'";
        let refused = is_before.then(|| Invalid::new("greater_than_equal", message));
        refused.map_or(Ok(to), Err)
    });
    let wanted = record_id.zip(from).zip(to);
    let ((record_id, from), to) = problems.finish(wanted)?;

    let (replay, permit) = replay(&state, &access, record_id, Some(from), to).await?;
    let catalogue = access.catalogue();
    let write = move || {
        let diff = replay.diff();
        let record = replay.into_state();
        let body = RecordDiffBody::new(record_id, (from, to), &diff, &catalogue);
        record.has_events().then(|| serde_json::to_vec(&body))
    };
    let json = state.cpu_pool.run(write).await?;
    respond(record_id, &headers, json, permit)
}

fn respond(
    record_id: i64,
    headers: &HeaderMap,
    json: Option<serde_json::Result<Vec<u8>>>,
    permit: MemoryPermit,
) -> ApiResult<Response> {
    let json = json.ok_or(service::Error::RecordNotFound { record_id })?;
    let json = json.map_err(|error| service::Error::Broken(error.into()))?;
    EntityTag::respond(headers, json, permit)
}

/// Replays a record's events up to and including those at `until`. A record with more state than most is replayed once
/// more, with the memory that this takes.
async fn replay(
    state: &AppState,
    access: &Access,
    record_id: i64,
    from: Option<EventTime>,
    until: Option<EventTime>,
) -> ApiResult<(RecordReplay, MemoryPermit)> {
    let query = Query {
        record_ids: vec![record_id],
        to_us: until.map(|until| until.micros().saturating_add(1)),
        ordering: Ordering::OldestFirst,
        limit: Limit::clamped(Limit::MAX),
        ..Query::default()
    };
    for bytes in STATE_BYTES {
        let permit = acquire_for_read_and(state, access, OUTPUT_FACTOR * bytes).await;
        let bytes = bytes as usize;
        let replay = match from {
            Some(from) => RecordReplay::since(from.micros(), bytes),
            None => RecordReplay::new(bytes),
        };
        if let Some(replay) = replay_within(state, access, replay, &query).await? {
            return Ok((replay, permit));
        }
    }
    Err(service::Error::RecordTooLarge { record_id }.into())
}

/// Replays a record's events, a chunk after the other, each with its turn to read and to compute. `None` if the state gets
/// larger than the replay may hold.
async fn replay_within(
    state: &AppState,
    access: &Access,
    mut replay: RecordReplay,
    query: &Query,
) -> ApiResult<Option<RecordReplay>> {
    let mut after = None;
    loop {
        let chunk = access.events_behind(after, query).await?;
        let (events, has_more) = (chunk.events, chunk.has_more);
        after = events.last().map(Event::position);
        let bytes: usize = events.iter().map(Event::weight_bytes).sum();
        let catalogue = access.catalogue();
        let apply = move || {
            let outcome = events
                .iter()
                .try_for_each(|event| replay.apply(event, &catalogue));
            outcome.map(|()| replay)
        };
        let outcome = state.cpu_pool.run_sized(bytes, apply).await?;
        replay = match outcome {
            Ok(replay) => replay,
            Err(ReplayError::TooLarge(_)) => return Ok(None),
            Err(ReplayError::Damaged(id, error)) => return Err(ApiError::damaged(id, error)),
        };
        if !has_more {
            return Ok(Some(replay));
        }
    }
}
