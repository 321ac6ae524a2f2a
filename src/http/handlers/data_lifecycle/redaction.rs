//! Redaction of an event.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::{EventId, Invalid, MAX_REDACTED_MEMBERS, MemberPointer, Reason};
use crate::http::extractors::{
    Object, PathParameters, Problems, SmallBody, json_fields, path_parameter,
};
use crate::http::handlers::history::write_event;
use crate::http::responses::openapi::{RequestErrors, TenantErrors, UnavailableErrors};
use crate::http::responses::{ApiResult, EntityTag, ErrorBody, EventBody, acquire_for_read};
use crate::http::state::AppState;
use crate::service::Access;

/// A redaction of an event: the members to remove, and why.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `parse` reads")]
pub(crate) struct NewRedactionBody {
    /// JSON pointers (RFC 6901) into the event: to `event_data` and what is in it, to `source_name` and `source_info`. At
    /// most 50, each of at most 512 bytes.
    #[schema(min_items = 1, max_items = 50, example = json!(["/event_data/0/new"]))]
    members: Vec<String>,
    /// Why, for people: at most 1024 bytes. It stays with the event, so it should not repeat what is removed.
    #[schema(example = "Request 2026-17")]
    reason: String,
}

/// Removes members of an event for good. What, by whom, when and why stays.
#[utoipa::path(
    post, path = "/api/history/events/{event_id}/redact", operation_id = "redact_event", tag = "events",
    security(("api_key" = [], "client_id" = [])),
    params(("event_id" = String, Path, format = Uuid, description = "The event's id")),
    request_body = NewRedactionBody,
    responses(
        (status = 200, description = "The event as it is now", body = EventBody),
        (status = 404, description = "No such event", body = ErrorBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn redact(
    State(state): State<Arc<AppState>>,
    access: Access,
    path: PathParameters,
    body: SmallBody,
) -> ApiResult<Response> {
    let mut problems = Problems::default();
    let event_id = path_parameter(&path, "event_id", EventId::parse, &mut problems);
    let event_id = problems.finish(event_id)?;
    let (members, reason) = parse(&body.0)?;
    let permit = acquire_for_read(&state, &access).await;
    let event = access.redact(event_id, members, reason).await?;
    let json = write_event(&state, &access, event).await?;
    EntityTag::respond(&HeaderMap::new(), json, permit)
}

fn parse(body: &[u8]) -> ApiResult<(Vec<MemberPointer>, Reason)> {
    let object = Object::from_body(body)?;
    let mut problems = Problems::default();
    let elements = object.required(&mut problems, "members", members);
    let members = elements.and_then(|elements| {
        object.each(&mut problems, "members", &elements, |json| {
            MemberPointer::parse(&json_fields::string(json)?)
        })
    });
    let reason = object.required(&mut problems, "reason", |json| {
        Reason::parse(&json_fields::string(json)?)
    });
    problems.finish(members.zip(reason))
}

fn members(json: &RawValue) -> Result<Vec<&RawValue>, Invalid> {
    let elements = json_fields::elements::<MAX_REDACTED_MEMBERS>(json)?;
    if elements.is_empty() {
        let message = "List should have at least 1 item";
        return Err(Invalid::new("too_short", message));
    }
    Ok(elements)
}
