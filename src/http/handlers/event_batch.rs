//! Ingests events, many at once or one, in the forms that senders use.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, Request, State};
use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, Object, OneOfBuilder, Schema, SchemaType};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::domain::{Event, EventId, Invalid};
use crate::http::extractors::event_fields::DetailBody;
use crate::http::extractors::{Batch, BatchEvent, Parameters, Place, Problems, Refused};
use crate::http::responses::openapi::{RequestErrors, TenantErrors, UnavailableErrors};
use crate::http::responses::{ApiError, ApiResult, ErrorBody, Problem, rejection};
use crate::http::state::AppState;
use crate::service::{Access, BatchOutcome, Delivery};

pub(crate) const EVENTS_PATH: &str = "/api/events";

/// Documents the body in JSON: one event, or an array of at most 10,000, of which one that is no event is rejected alone.
#[derive(Debug)]
pub(crate) enum OneOrMoreEvents {}

impl PartialSchema for OneOrMoreEvents {
    fn schema() -> RefOr<Schema> {
        let description = "At most 10,000 events. One that is wrong is rejected alone.";
        let several = ArrayBuilder::new()
            .items(Object::with_type(SchemaType::AnyValue))
            .description(Some(description));
        OneOfBuilder::new()
            .item(Ref::from_schema_name(DetailBody::name()))
            .item(several)
            .into()
    }
}

impl ToSchema for OneOrMoreEvents {}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameter that `lists_all` reads")]
pub(crate) struct BatchParameters {
    /// `all` lists the events that were stored too.
    #[param(inline)]
    results: Option<ResultsName>,
}

#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the value that `lists_all` reads")]
#[schema(rename_all = "lowercase")]
pub(crate) enum ResultsName {
    All,
}

/// What became of the events. Those that were stored are durable.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct BatchBody {
    #[schema(example = 9997)]
    stored: usize,
    /// Stored before, or earlier in the same batch, with the same content.
    #[schema(example = 0)]
    duplicates: usize,
    #[schema(example = 3)]
    rejected: usize,
    /// What was not stored, in the order of the batch.
    results: Vec<ResultBody>,
}

/// What became of one event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResultBody {
    /// The place in the batch, from 0.
    index: usize,
    /// Null if it cannot be read.
    #[schema(format = Uuid)]
    event_id: Option<String>,
    #[schema(inline)]
    outcome: Outcome,
    /// Why it was rejected: sending it again as it is cannot succeed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Stored,
    Duplicate,
    Rejected,
}

/// Stores events, each once: the response is sent when all that are stored are durable.
///
/// The body is one event, an array of events, or one event a line (`application/x-ndjson`); or events in the format of
/// `CloudEvents` 1.0: structured (`application/cloudevents+json`), batched (`application/cloudevents-batch+json`), or binary
/// (the attributes in `ce-` headers). Their data has the members of an event. The body may be encoded (`Content-Encoding: gzip` or `zstd`). At most 10,000 events and 32 MiB, as sent and as decoded.
///
/// Of several events, one that is wrong is rejected, and the others are stored. One event alone that is wrong is refused
/// with a 422 or a 400. The same batch again stores nothing.
#[utoipa::path(
    post, path = EVENTS_PATH, operation_id = "send_events", tag = "events",
    security(("api_key" = [], "client_id" = [])),
    params(BatchParameters),
    request_body(content(
        (OneOrMoreEvents = "application/json"),
        (String = "application/x-ndjson"),
    )),
    responses(
        (status = 200, description = "What became of each event", body = BatchBody),
        (status = 413, description = "More than 32 MiB or 10,000 events, or one event alone of more than 1 MiB; nothing \
                                      is stored", body = ErrorBody),
        (status = 415, description = "An encoding other than gzip and zstd", body = ErrorBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn send_events(
    State(state): State<Arc<AppState>>,
    access: Access,
    RawQuery(query): RawQuery,
    request: Request,
) -> ApiResult<Json<BatchBody>> {
    let lists_all = lists_all(query.as_deref())?;
    access.require_events_left()?;
    let Batch {
        is_lone,
        events,
        permit,
    } = Batch::read(request, &state, &access).await?;
    let answer = if is_lone {
        store_alone(&access, events).await?
    } else {
        store(&access, events).await?
    };
    drop(permit);
    Ok(Json(answer.finish(lists_all)))
}

fn lists_all(query: Option<&str>) -> ApiResult<bool> {
    const NAME: &str = "results";
    let parameters = Parameters::parse(query)?;
    let mut problems = Problems::default();
    parameters.only(&[NAME], &mut problems);
    let all = parameters.optional(&mut problems, NAME, |value| match value {
        "all" => Ok(()),
        _ => Err(Invalid::new("enum", "Input should be 'all'")),
    });
    problems.finish(all.map(|all| all.is_some()))
}

/// Stores the one event of a body that is no list: what is wrong with it is wrong with the request.
async fn store_alone(access: &Access, events: Vec<BatchEvent>) -> ApiResult<Answer> {
    let mut answer = Answer::default();
    for event in events {
        let (event_id, delivery) = match event {
            Ok(event) => (event.id, access.append(event).await?),
            Err(Refused {
                event: Some(event), ..
            }) if access.was_stored(&event).await? => (event.id, Delivery::Duplicate),
            Err(refused) => return Err(ApiError::Invalid(refused.problems)),
        };
        answer.push(Some(event_id), Outcome::from(delivery), Vec::new());
    }
    Ok(answer)
}

async fn store(access: &Access, events: Vec<BatchEvent>) -> ApiResult<Answer> {
    let mut results: Vec<Result<EventId, Refused>> = Vec::with_capacity(events.len());
    let mut unmatched: Vec<(usize, Event)> = Vec::new();
    // Here and in the service, events stay in the memory that they were parsed into: copies of the list would add up.
    let valid = events.into_iter().enumerate();
    let valid: Vec<Event> = valid
        .filter_map(|(index, event)| match event {
            Ok(event) => {
                results.push(Ok(event.id));
                Some(event)
            }
            Err(mut refused) => {
                unmatched.extend(refused.event.take().map(|event| (index, *event)));
                results.push(Err(refused));
                None
            }
        })
        .collect();
    let duplicates = access.stored_before(unmatched).await?;
    let outcomes = access.append_batch(valid).await?;
    let mut outcomes = outcomes.into_iter();
    let mut answer = Answer::default();
    for (index, result) in results.into_iter().enumerate() {
        match result {
            Ok(event_id) => answer.push_outcome(event_id, outcomes.next()),
            Err(refused) if duplicates.contains(&index) => {
                answer.push(refused.event_id, Outcome::Duplicate, Vec::new());
            }
            Err(refused) => answer.push(refused.event_id, Outcome::Rejected, refused.problems),
        }
    }
    Ok(answer)
}

/// The results of all events.
#[derive(Debug, Default)]
struct Answer(Vec<ResultBody>);

impl Answer {
    fn push(&mut self, event_id: Option<EventId>, outcome: Outcome, problems: Vec<Problem>) {
        self.0.push(ResultBody {
            index: self.0.len(),
            event_id: event_id.map(|id| id.to_string()),
            outcome,
            problems,
        });
    }

    fn push_outcome(&mut self, event_id: EventId, outcome: Option<BatchOutcome>) {
        match outcome {
            Some(Ok(delivery)) => self.push(Some(event_id), delivery.into(), Vec::new()),
            Some(Err(error)) => {
                let place = Place {
                    index: Some(self.0.len()),
                    member: None,
                };
                let (member, invalid) = rejection(&error);
                let mut loc = place.loc();
                loc.push(member.into());
                let problems = vec![Problem::new(loc, invalid)];
                self.push(Some(event_id), Outcome::Rejected, problems);
            }
            None => {} // the service returns an outcome for each event
        }
    }

    fn finish(self, lists_all: bool) -> BatchBody {
        let Self(mut results) = self;
        let count = |outcome| results.iter().filter(|it| it.outcome == outcome).count();
        let [stored, duplicates, rejected] =
            [Outcome::Stored, Outcome::Duplicate, Outcome::Rejected].map(count);
        if !lists_all {
            results.retain(|it| it.outcome != Outcome::Stored);
        }
        BatchBody {
            stored,
            duplicates,
            rejected,
            results,
        }
    }
}

impl From<Delivery> for Outcome {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Stored => Self::Stored,
            Delivery::Duplicate => Self::Duplicate,
        }
    }
}
