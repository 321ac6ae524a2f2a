//! Compares events with the JSON Schemas of their tenant.

use serde_json::Value;

use super::{MAX_EVENT_BYTES, Problems};
use crate::domain::{Event, Mismatch, TenantSchemas};
use crate::http::responses::{ApiResult, Problem};
use crate::http::state::{AppState, MAX_SCHEMA_BYTES, MemoryPermit};
use crate::service::Access;

/// Data up to this size is compared outside the budget, as bodies are read.
const UNBUDGETED_BYTES: usize = 16 * 1024;

/// The bytes that comparing a byte of data takes at most: `{"":0}` becomes a tree with a node of 640 bytes.
const BYTES_PER_BYTE: usize = MAX_SCHEMA_BYTES / MAX_EVENT_BYTES;

/// An event that does not match its schema.
#[derive(Debug)]
pub(crate) struct Unmatched {
    pub(crate) event: Event,
    pub(crate) problems: Vec<Problem>,
}

/// Compares an event with the schema of its type, if there is one; `loc` is the location of its data.
pub(crate) fn check(
    schemas: &TenantSchemas,
    event: Event,
    loc: &[Value],
) -> Result<Event, Box<Unmatched>> {
    let Some(schema) = schemas.get(&event.event_type_id) else {
        return Ok(event);
    };
    let mut problems = Problems::default();
    for Mismatch { path, invalid } in schema.mismatches(&event.data) {
        problems.add([loc, &path].concat(), invalid);
    }
    match problems.check(Some(())) {
        Ok(()) => Ok(event),
        Err(problems) => Err(Box::new(Unmatched { event, problems })),
    }
}

/// Does the same for one event, in the CPU pool if it is large.
pub(crate) async fn check_one(
    state: &AppState,
    access: &Access,
    event: Event,
    loc: Vec<Value>,
) -> ApiResult<Result<Event, Box<Unmatched>>> {
    let Some(schemas) = access.event_schemas() else {
        return Ok(Ok(event));
    };
    let length = event.data.as_str().len();
    let permit = reserve(state, access, length).await;
    let checking = state.cpu_pool.run_sized(length, move || {
        let _permit = permit;
        check(&schemas, event, &loc)
    });
    Ok(checking.await?)
}

/// Reserves the memory for comparing events of at most this length, one at a time.
pub(crate) async fn reserve(
    state: &AppState,
    access: &Access,
    length: usize,
) -> Option<MemoryPermit> {
    if length <= UNBUDGETED_BYTES {
        return None;
    }
    let bytes = length.min(MAX_EVENT_BYTES) * BYTES_PER_BYTE;
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    let budget = &state.schema_budget;
    Some(budget.acquire_for(access.client_id(), bytes).await)
}
