//! Ingests events in the envelope of EventBridge.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::Event;
use crate::http::extractors::event_fields::{self, Defaults, DetailBody, EVENT_DATA};
use crate::http::extractors::{ClientIdHeader, event_schema, json_fields};
use crate::http::extractors::{JsonBody, LargeBody, MAX_EVENT_BYTES, Object, Place, Problems};
use crate::http::responses::openapi::{RequestErrors, UnavailableErrors};
use crate::http::responses::{ApiError, ApiResult, ErrorBody};
use crate::http::state::AppState;
use crate::service::{self, Access, Caller};

/// The envelope in which EventBridge delivers an event. Only `detail` and the member that names the
/// tenant have to be there; members that are not listed are ignored.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `parse` reads")]
pub(crate) struct EnvelopeBody {
    #[schema(example = "0")]
    version: Option<String>,
    id: Option<String>,
    #[schema(rename = "detail-type")]
    detail_type: Option<String>,
    /// The tenant's database name or client id, unless `X-Client-Id` is sent or a setting names
    /// another member.
    #[schema(example = "alx_demo")]
    source: Option<String>,
    account: Option<String>,
    time: Option<String>,
    #[schema(example = "eu-west-2")]
    region: Option<String>,
    resources: Option<Vec<Value>>,
    detail: DetailBody,
}

/// Stores an event once: the response is sent when the event is durable.
#[utoipa::path(
    post, path = "/api/event-bridge/create-event", tag = "events", security(("api_key" = []), ("api_key" = [], "client_id" = [])),
    request_body = EnvelopeBody,
    responses(
        (status = 201, description = "The event is stored, now or by an earlier delivery",
         body = ErrorBody, example = json!({"detail": "Event created."})),
        (status = 400, description = "No such tenant, no such file, or an event with this id and \
                                      other content", body = ErrorBody),
        (status = 413, description = "The event is larger than 1 MiB", body = ErrorBody),
        RequestErrors, UnavailableErrors,
    )
)]
pub(crate) async fn create_event(
    State(state): State<Arc<AppState>>,
    caller: Caller,
    client_id: ClientIdHeader,
    body: Result<LargeBody, ApiError>,
) -> ApiResult<(StatusCode, Json<ErrorBody>)> {
    let by_header = client_id.access(&caller).await?;
    let JsonBody(body, _permit) = body?;
    let is_named = by_header.is_none();
    let member = is_named.then(|| state.service.settings.tenant_from.name());
    let parse = move |body: &[u8]| Parsed::from_body(body, member);
    let parsed = state.cpu_pool.parse(body.clone(), parse).await??;
    let (access, event) = parsed.resolve(&caller, by_header).await?;
    match append(&state, &access, event).await {
        // Another replica deleted the tenant a moment ago. The name may be a new tenant's by now, which
        // is then the one that is meant: a sender would not retry after a refusal.
        Err(ApiError::Service(service::Error::TenantNotFound { .. })) if is_named => {
            let parsed = state.cpu_pool.parse(body, parse).await??;
            let (access, event) = parsed.resolve(&caller, None).await?;
            append(&state, &access, event).await?;
        }
        outcome => outcome?,
    }
    let detail = "Event created.".into();
    Ok((StatusCode::CREATED, Json(ErrorBody { detail })))
}

/// Stores an event that matches the tenant's schema, unless it was stored before the schema was there.
async fn append(state: &AppState, access: &Access, event: Event) -> ApiResult<()> {
    let place = Place {
        index: None,
        member: Some("detail"),
    };
    let mut loc = place.loc();
    loc.push(EVENT_DATA.into());
    match event_schema::check_one(state, access, event, loc).await? {
        Ok(event) => _ = access.append(event).await?,
        Err(unmatched) => {
            if !access.was_stored(&unmatched.event).await? {
                return Err(ApiError::Invalid(unmatched.problems));
            }
        }
    }
    Ok(())
}

/// A parsed body, before its tenant is looked up.
struct Parsed {
    /// The tenant's name in the envelope; `None` where a header named it, or where the name is wrong.
    tenant: Option<String>,
    event: ApiResult<Option<Event>>,
    problems: Problems,
}

impl Parsed {
    /// `member` is the one that names the tenant, unless a header did.
    fn from_body(body: &[u8], member: Option<&str>) -> ApiResult<Self> {
        let envelope = Object::from_body(body)?;
        let mut problems = Problems::default();
        let tenant =
            member.and_then(|name| envelope.required(&mut problems, name, json_fields::string));
        let event = parse(&envelope, &mut problems);
        Ok(Self {
            tenant,
            event,
            problems,
        })
    }

    /// Returns access to the tenant, by its name where no header named it, and the event. An unknown tenant is
    /// refused before any other problem, as the documented order of checks asks.
    async fn resolve(
        self,
        caller: &Caller,
        by_header: Option<Access>,
    ) -> ApiResult<(Access, Event)> {
        let Self {
            tenant,
            event,
            problems,
        } = self;
        let access = match (by_header, tenant) {
            (Some(access), _) => Some(access),
            (None, Some(name)) => Some(caller.access_named(&name).await?),
            (None, None) => None,
        };
        problems.finish(access.zip(event?))
    }
}

fn parse(envelope: &Object<'_>, problems: &mut Problems) -> ApiResult<Option<Event>> {
    if envelope.size_bytes("detail") > MAX_EVENT_BYTES {
        return Err(ApiError::TooLarge {
            limit_bytes: MAX_EVENT_BYTES,
        });
    }
    for name in [
        "version",
        "id",
        "detail-type",
        "source",
        "account",
        "time",
        "region",
    ] {
        envelope.optional(problems, name, json_fields::string);
    }
    envelope.optional(problems, "resources", json_fields::list);
    let detail = envelope.object(problems, "detail");
    Ok(detail.and_then(|detail| event_fields::parse(&detail, Defaults::default(), problems)))
}
