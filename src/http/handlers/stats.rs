//! Counts a tenant's events.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::domain::stats::{Bucket, Cell, Dimension, Kind, MAX_CELLS};
use crate::domain::{Catalogue, EventTime, Grouping, Invalid, Query, Stats};
use crate::http::extractors::event_query::{EventFilters, set_filter};
use crate::http::extractors::{Parameters, Problems};
use crate::http::responses::openapi::{
    NotModified, RequestErrors, TenantErrors, UnavailableErrors,
};
use crate::http::responses::{ApiError, ApiResult, EntityTag, Problem, acquire_for_read};
use crate::http::state::AppState;
use crate::service::{self, Access};

/// What events are counted by.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters that `parse` reads")]
pub(crate) struct StatsQuery {
    /// The length of the buckets, in UTC; weeks begin on Monday. By default time does not count.
    #[param(inline)]
    bucket: Option<BucketName>,
    /// What else events are counted by; a source has its id among those of its type.
    #[param(inline)]
    by: Option<DimensionName>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BucketName {
    Minute,
    Hour,
    Day,
    Week,
    Month,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DimensionName {
    EventType,
    SourceType,
    Source,
}

/// The numbers of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatsBody {
    /// As it was asked for.
    bucket: Option<BucketName>,
    /// As it was asked for.
    by: Option<DimensionName>,
    /// The events that match the filters.
    filtered_count: u64,
    /// In the order of time, then of ids; where there are no events there is no count.
    results: Vec<CountBody>,
}

/// The events of one bucket that have in common what `by` says.
#[derive(Debug, Default, Serialize, ToSchema)]
#[expect(
    clippy::option_option,
    reason = "null and absent tell different things"
)]
pub(crate) struct CountBody {
    /// The beginning of the bucket, with `bucket`.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket_start: Option<String>,
    /// With `by=event_type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type_id: Option<i32>,
    /// With `by=event_type`; null where the catalogue has no such type.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<Option<String>>,
    /// With `by=source_type` and `by=source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_type_id: Option<i32>,
    /// With `by=source_type` and `by=source`; null where the catalogue has no such type.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    source_type: Option<Option<String>>,
    /// With `by=source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_id: Option<i64>,
    /// The number of events, at least 1.
    count: u64,
}

/// The parameters, parsed.
#[derive(Debug, Default)]
struct StatsParameters {
    query: Query,
    bucket: Option<BucketName>,
    by: Option<DimensionName>,
}

/// Returns how many events match, by buckets of their time and by what they have in common.
#[utoipa::path(
    get, path = "/api/history/stats", operation_id = "count_events", tag = "events",
    security(("api_key" = [], "client_id" = [])),
    params(
        StatsQuery, EventFilters,
        ("If-None-Match" = Option<String>, Header, description = "Tags of answers that the caller has"),
    ),
    responses(
        (status = 200, description = "The numbers of events", body = StatsBody),
        NotModified, RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn stats(
    State(state): State<Arc<AppState>>,
    access: Access,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let StatsParameters { query, bucket, by } = parse(&Parameters::parse(query.as_deref())?)?;
    let grouping = Grouping {
        bucket: bucket.map(Bucket::from),
        dimension: by.map(Dimension::from),
    };
    let permit = acquire_for_read(&state, &access).await;
    let cells = match access.stats(&query, grouping).await? {
        Stats::Cells(cells) => cells,
        Stats::TooMany => return Err(too_many(bucket)),
    };
    let catalogue = access.catalogue();
    let write = move || {
        serde_json::to_vec(&StatsBody {
            bucket,
            by,
            filtered_count: cells.iter().map(|it| it.events).sum(),
            results: cells
                .iter()
                .map(|it| CountBody::new(it, &catalogue))
                .collect(),
        })
    };
    let json = state.cpu_pool.run(write).await?;
    let json = json.map_err(|error| service::Error::Broken(error.into()))?;
    EntityTag::respond(&headers, json, permit)
}

fn parse(parameters: &Parameters) -> ApiResult<StatsParameters> {
    let mut parsed = StatsParameters::default();
    let problems: Problems = parameters.set_each(&["bucket", "by"], |name, value| {
        match name {
            "bucket" => parsed.bucket = Some(parse_bucket(value)?),
            "by" => parsed.by = Some(parse_dimension(value)?),
            _ => set_filter(&mut parsed.query, name, value)?,
        }
        Ok(())
    });
    problems.finish(Some(parsed))
}

fn parse_bucket(text: &str) -> Result<BucketName, Invalid> {
    match text {
        "minute" => Ok(BucketName::Minute),
        "hour" => Ok(BucketName::Hour),
        "day" => Ok(BucketName::Day),
        "week" => Ok(BucketName::Week),
        "month" => Ok(BucketName::Month),
        _ => {
            let message = "Input should be 'minute', 'hour', 'day', 'week' or 'month'";
            Err(Invalid::new("enum", message))
        }
    }
}

fn parse_dimension(text: &str) -> Result<DimensionName, Invalid> {
    match text {
        "event_type" => Ok(DimensionName::EventType),
        "source_type" => Ok(DimensionName::SourceType),
        "source" => Ok(DimensionName::Source),
        _ => {
            let message = "Input should be 'event_type', 'source_type' or 'source'";
            Err(Invalid::new("enum", message))
        }
    }
}

fn too_many(bucket: Option<BucketName>) -> ApiError {
    let (parameter, advice) = match bucket {
        Some(_) => (
            "bucket",
            "choose longer buckets, or narrow 'event_time_from' and 'event_time_to'",
        ),
        None => (
            "by",
            "narrow 'event_time_from' and 'event_time_to', or the sources",
        ),
    };
    let message = format!("The answer would have more than {MAX_CELLS} counts: {advice}");
    let loc = vec![Value::from("query"), Value::from(parameter)];
    ApiError::Invalid(vec![Problem::new(loc, Invalid::new("too_long", message))])
}

impl From<BucketName> for Bucket {
    fn from(name: BucketName) -> Self {
        match name {
            BucketName::Minute => Self::Minute,
            BucketName::Hour => Self::Hour,
            BucketName::Day => Self::Day,
            BucketName::Week => Self::Week,
            BucketName::Month => Self::Month,
        }
    }
}

impl From<DimensionName> for Dimension {
    fn from(name: DimensionName) -> Self {
        match name {
            DimensionName::EventType => Self::EventType,
            DimensionName::SourceType => Self::SourceType,
            DimensionName::Source => Self::Source,
        }
    }
}

impl CountBody {
    fn new(cell: &Cell, catalogue: &Catalogue) -> Self {
        let Cell {
            start_us,
            kind,
            events,
        } = *cell;
        let start = start_us.and_then(|start_us| EventTime::from_parts(start_us, 0));
        let mut body = Self {
            bucket_start: start.map(|it| it.to_string()),
            count: events,
            ..Self::default()
        };
        match kind {
            Kind::Any => {}
            Kind::EventType(id) => {
                body.event_type_id = Some(id);
                body.event_type = Some(catalogue.event_type(id).map(str::to_owned));
            }
            Kind::SourceType(id)
            | Kind::Source {
                source_type_id: id, ..
            } => {
                body.source_type_id = Some(id);
                body.source_type = Some(catalogue.source_type(id).map(str::to_owned));
            }
        }
        if let Kind::Source { source_id, .. } = kind {
            body.source_id = Some(source_id);
        }
        body
    }
}
