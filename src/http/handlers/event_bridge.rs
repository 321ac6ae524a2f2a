//! Ingests events in the envelope of EventBridge.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::{Event, EventData, EventFile, EventId, EventTime, FileId, Invalid};
use crate::http::extractors::{ClientIdHeader, json_fields};
use crate::http::extractors::{JsonBody, LargeBody, MAX_EVENT_BYTES, Object, Problems};
use crate::http::responses::openapi::{RequestErrors, UnavailableErrors};
use crate::http::responses::{ApiError, ApiResult, ErrorBody};
use crate::http::state::AppState;
use crate::service::{self, Access, Caller};

/// The most files that one event references: each is looked up in storage while the sender waits.
const MAX_FILES: usize = 50;

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

/// Something that happened to a record.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `parse` reads")]
pub(crate) struct DetailBody {
    /// Chosen by the sender: a second delivery with the same id stores nothing.
    #[schema(format = Uuid, pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    event_id: String,
    /// RFC 3339, with at most six digits of a fraction.
    #[schema(format = DateTime, example = "2022-11-10T10:26:12.111Z")]
    event_time: String,
    #[schema(example = 9)]
    event_type_id: i32,
    record_id: i64,
    source_id: i64,
    source_type_id: i32,
    source_name: Option<String>,
    /// Where the source type is `mcp`: the model.
    source_info: Option<String>,
    /// Anything; the first object in it with a member `file_id` references a file too.
    event_data: Vec<Value>,
    /// A file that was uploaded before the event is sent.
    #[schema(format = Uuid, pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    file_id: Option<String>,
    /// Further files that were uploaded before, at most 50 in all.
    #[schema(value_type = Option<Vec<uuid::Uuid>>, max_items = 50)]
    file_ids: Option<Vec<String>>,
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
    match access.append(event).await {
        // Another replica deleted the tenant a moment ago. The name may be a new tenant's by now, which
        // is then the one that is meant: a sender would not retry after a refusal.
        Err(service::Error::TenantNotFound { .. }) if is_named => {
            let parsed = state.cpu_pool.parse(body, parse).await??;
            let (access, event) = parsed.resolve(&caller, None).await?;
            access.append(event).await?;
        }
        outcome => outcome?,
    }
    let detail = "Event created.".into();
    Ok((StatusCode::CREATED, Json(ErrorBody { detail })))
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
    Ok(detail.and_then(|detail| parse_detail(&detail, problems)))
}

fn parse_detail(detail: &Object<'_>, problems: &mut Problems) -> Option<Event> {
    let id = detail.required(problems, "event_id", |json| {
        EventId::parse(&json_fields::uuid_text(json)?)
    });
    let time = detail.required(problems, "event_time", |json| {
        EventTime::parse(&json_fields::string(json)?)
    });
    let event_type_id = detail.required(problems, "event_type_id", json_fields::small_integer);
    let record_id = detail.required(problems, "record_id", json_fields::integer);
    let source_id = detail.required(problems, "source_id", json_fields::integer);
    let source_type_id = detail.required(problems, "source_type_id", json_fields::small_integer);
    let source_name = detail.optional(problems, "source_name", json_fields::string);
    let source_info = detail.optional(problems, "source_info", json_fields::string);
    let data = detail.required(problems, "event_data", EventData::parse);
    let file_id = detail.optional(problems, "file_id", |json| {
        FileId::parse(&json_fields::uuid_text(json)?)
    });
    let file_ids = detail.optional(problems, "file_ids", json_fields::elements::<MAX_FILES>);
    let file_ids =
        file_ids.and_then(|ids| further_files(detail, &ids.unwrap_or_default(), problems));
    let data = data?;
    let file_id = match file_id? {
        Some(file_id) => Some(file_id),
        None => file_id_in_data(detail, &data, problems)?,
    };
    let files = distinct(file_id.into_iter().chain(file_ids?));
    if files.len() > MAX_FILES {
        let message = format!("List should have at most {MAX_FILES} items");
        problems.add(detail.loc("file_ids"), Invalid::new("too_long", message));
    }
    Some(Event {
        id: id?,
        time: time?,
        event_type_id: event_type_id?,
        record_id: record_id?,
        source_id: source_id?,
        source_type_id: source_type_id?,
        source_name: source_name?.unwrap_or_default(),
        source_info: source_info?.unwrap_or_default(),
        data,
        files,
        received_at: None,
    })
}

fn further_files(
    detail: &Object<'_>,
    elements: &[&RawValue],
    problems: &mut Problems,
) -> Option<Vec<FileId>> {
    let mut files = Some(Vec::new());
    for (index, element) in elements.iter().enumerate() {
        match json_fields::uuid_text(element).and_then(|text| FileId::parse(&text)) {
            Ok(file_id) => files.iter_mut().for_each(|files| files.push(file_id)),
            Err(invalid) => {
                let mut loc = detail.loc("file_ids");
                loc.push(Value::from(index));
                problems.add(loc, invalid);
                files = None;
            }
        }
    }
    files
}

/// Returns each file once, in the order in which they were named, without a record yet.
fn distinct(ids: impl Iterator<Item = FileId>) -> Vec<EventFile> {
    let mut seen = HashSet::new();
    let first = ids.filter(|id| seen.insert(*id));
    first.map(|id| EventFile { id, record: None }).collect()
}

#[expect(clippy::option_option, reason = "absent and wrong are two things")]
fn file_id_in_data(
    detail: &Object<'_>,
    data: &EventData,
    problems: &mut Problems,
) -> Option<Option<FileId>> {
    data.file_id()
        .map_err(|problem| {
            let mut loc = detail.loc("event_data");
            loc.extend([Value::from(problem.index), Value::from("file_id")]);
            problems.add(loc, problem.invalid);
        })
        .ok()
}
