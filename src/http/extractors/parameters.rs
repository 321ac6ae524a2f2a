//! Parses query and path parameters, and writes the query strings of neighbouring pages.

use std::convert::Infallible;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use serde_json::Value;
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use super::Problems;
use crate::domain::query::Limit;
use crate::domain::{EventId, EventTime, Invalid, Ordering, Query, Words};
use crate::http::responses::{ApiError, ApiResult, Problem};

/// The most repetitions of one filter: enough for a screen of records, and a statement that stays
/// small.
const MAX_REPEATS: usize = 100;

/// The parameters of a query, and how often each may be given.
const PARAMETERS: [(&str, usize); 11] = [
    ("record_id", MAX_REPEATS),
    ("event_type_id", MAX_REPEATS),
    ("source_id", MAX_REPEATS),
    ("source_type_id", MAX_REPEATS),
    ("event_id", MAX_REPEATS),
    ("event_time_from", 1),
    ("event_time_to", 1),
    ("q", 1),
    ("limit", 1),
    ("offset", 1),
    ("ordering", 1),
];

/// The parameters of the longest query.
const MAX_PARAMETERS: usize = {
    let (mut total, mut index) = (0, 0);
    while index < PARAMETERS.len() {
        total += PARAMETERS[index].1;
        index += 1;
    }
    total
};

/// Each of the ids may be repeated: any of them matches.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents the parameters that `set_parameter` reads"
)]
pub(crate) struct EventFilters {
    record_id: Option<Vec<i64>>,
    event_type_id: Option<Vec<i32>>,
    source_id: Option<Vec<i64>>,
    source_type_id: Option<Vec<i32>>,
    #[param(value_type = Option<Vec<uuid::Uuid>>)]
    event_id: Option<Vec<String>>,
    /// RFC 3339, inclusive.
    #[param(format = DateTime)]
    event_time_from: Option<String>,
    /// RFC 3339, exclusive.
    #[param(format = DateTime)]
    event_time_to: Option<String>,
    /// Words that the event has: in its data, its source's name and info, or the names of its files.
    #[param(max_length = 1024)]
    q: Option<String>,
}

/// The paging of a list of events.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents the parameters that `events_query` reads"
)]
pub(crate) struct EventsPaging {
    /// The most events on a page.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u32>,
    /// The number of events to skip.
    #[param(default = 0, minimum = 0, maximum = 4_294_967_295_u32, format = Int64)]
    offset: Option<u32>,
    /// Newest first by default.
    #[param(inline)]
    ordering: Option<OrderingName>,
}

#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the values that `parse_ordering` reads")]
pub(crate) enum OrderingName {
    #[schema(rename = "-event_time")]
    NewestFirst,
    #[schema(rename = "event_time")]
    OldestFirst,
}

/// The names and values of a query string, in its order.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Counts the parameters before it parses any.
    pub(crate) fn parse(query: Option<&str>) -> ApiResult<Self> {
        let query = query.unwrap_or_default();
        if query.bytes().filter(|byte| *byte == b'&').count() >= MAX_PARAMETERS {
            let message = format!("Query should have at most {MAX_PARAMETERS} parameters");
            let invalid = Invalid::new("too_long", message);
            return Err(ApiError::Invalid(vec![Problem::new(
                vec!["query".into()],
                invalid,
            )]));
        }
        let parameters = form_urlencoded::parse(query.as_bytes());
        Ok(Self(parameters.into_owned().collect()))
    }

    /// Parses the parameters that [`EventFilters`] and [`EventsPaging`] document; any other is a problem.
    pub(crate) fn events_query(&self) -> ApiResult<Query> {
        let mut query = Query::default();
        let problems = self.set_each(&[], |name, value| set_parameter(&mut query, name, value));
        problems.finish(Some(query))
    }

    /// Sets each parameter. Those of [`PARAMETERS`] may be given as often as that says, and `further` ones once.
    pub(super) fn set_each(
        &self,
        further: &[&str],
        mut set: impl FnMut(&str, &str) -> Result<(), Invalid>,
    ) -> Problems {
        let mut problems = Problems::default();
        for (name, value) in &self.0 {
            if let Err(invalid) = set(name, value) {
                problems.add(loc(name), invalid);
            }
        }
        for (name, most) in PARAMETERS {
            self.check_repeats(name, most, &mut problems);
        }
        for name in further {
            self.check_repeats(name, 1, &mut problems);
        }
        problems
    }

    /// Refuses all but these parameters, and each of them that is given twice.
    pub(crate) fn only(&self, names: &[&str], problems: &mut Problems) {
        for (name, _) in &self.0 {
            if !names.contains(&name.as_str()) {
                problems.add(loc(name), unknown());
            }
        }
        for name in names {
            self.check_repeats(name, 1, problems);
        }
    }

    /// Parses an optional parameter: `Some(None)` if it is absent, `None` if it is wrong.
    #[expect(clippy::option_option, reason = "absent and wrong are two things")]
    pub(crate) fn optional<T>(
        &self,
        problems: &mut Problems,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<Option<T>> {
        match self.0.iter().find(|(other, _)| other == name) {
            None => Some(None),
            Some((_, value)) => parse(value)
                .map_err(|invalid| problems.add(loc(name), invalid))
                .ok()
                .map(Some),
        }
    }

    /// Parses a parameter that has to be there: `None` if it is wrong or absent.
    pub(crate) fn required<T>(
        &self,
        problems: &mut Problems,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let parsed = self.optional(problems, name, parse)?;
        if parsed.is_none() {
            problems.add(loc(name), Invalid::missing());
        }
        parsed
    }

    /// Returns the absolute URL of another page, with every filter as it was sent.
    pub(crate) fn page_url(&self, public_url: &str, limit: Limit, offset: u32) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.0 {
            if name != "limit" && name != "offset" {
                query.append_pair(name, value);
            }
        }
        query.append_pair("limit", &limit.get().to_string());
        query.append_pair("offset", &offset.to_string());
        format!("{public_url}/api/history/events?{}", query.finish())
    }

    fn check_repeats(&self, name: &str, most: usize, problems: &mut Problems) {
        if self.0.iter().filter(|(other, _)| other == name).count() > most {
            let message = format!("Parameter should be given at most {most} times");
            problems.add(loc(name), Invalid::new("too_long", message));
        }
    }
}

/// The parameters of a path; a problem if one is no text.
#[derive(Debug)]
pub(crate) struct PathParameters(Result<RawPathParams, RawPathParamsRejection>);

impl<S: Send + Sync> FromRequestParts<S> for PathParameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(RawPathParams::from_request_parts(parts, state).await))
    }
}

/// Parses a parameter of the path.
pub(crate) fn path_parameter<T>(
    path: &PathParameters,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
    problems: &mut Problems,
) -> Option<T> {
    let parsed = match &path.0 {
        Ok(path) => {
            let mut path = path.iter();
            let text = path.find_map(|(it, value)| (it == name).then_some(value));
            parse(text.unwrap_or_default())
        }
        // axum does not say which; no path has two.
        Err(_) => Err(Invalid::new(
            "string_unicode",
            "Input should be valid UTF-8",
        )),
    };
    parsed
        .map_err(|invalid| problems.add(vec![Value::from("path"), Value::from(name)], invalid))
        .ok()
}

pub(super) fn loc(name: &str) -> Vec<Value> {
    vec![Value::from("query"), Value::from(name)]
}

pub(super) fn unknown() -> Invalid {
    Invalid::new("extra_forbidden", "Unknown parameter")
}

pub(super) fn set_parameter(query: &mut Query, name: &str, value: &str) -> Result<(), Invalid> {
    // Without `..`: a new member of the query needs a parameter, here, in `PARAMETERS` and in `EventFilters`.
    let Query {
        record_ids,
        event_type_ids,
        source_ids,
        source_type_ids,
        event_ids,
        from_us,
        to_us,
        words,
        ordering,
        limit,
        offset,
    } = query;
    match name {
        "record_id" => record_ids.push(integer(value)?),
        "event_type_id" => event_type_ids.push(integer(value)?),
        "source_id" => source_ids.push(integer(value)?),
        "source_type_id" => source_type_ids.push(integer(value)?),
        "event_id" => event_ids.push(EventId::parse(value)?),
        "event_time_from" => *from_us = Some(EventTime::parse(value)?.micros()),
        "event_time_to" => *to_us = Some(EventTime::parse(value)?.micros()),
        "q" => *words = Some(Words::parse(value)?),
        "limit" => *limit = Limit::new(integer(value)?)?,
        "offset" => *offset = integer(value)?,
        "ordering" => *ordering = parse_ordering(value)?,
        _ => return Err(unknown()),
    }
    Ok(())
}

pub(crate) fn boolean(text: &str) -> Result<bool, Invalid> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Invalid::new(
            "bool_parsing",
            "Input should be a valid boolean, true or false",
        )),
    }
}

pub(crate) fn integer<T: std::str::FromStr<Err = std::num::ParseIntError>>(
    text: &str,
) -> Result<T, Invalid> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    // Rust reads a plus sign, which no other number of this API has.
    let text = if text.starts_with('+') { "" } else { text };
    text.parse()
        .map_err(|error: std::num::ParseIntError| match error.kind() {
            PosOverflow | NegOverflow => Invalid::new(
                "int_parsing_size",
                "Input should be an integer in the range of its type",
            ),
            _ => Invalid::new("int_parsing", "Input should be a valid integer"),
        })
}

fn parse_ordering(text: &str) -> Result<Ordering, Invalid> {
    match text {
        "-event_time" => Ok(Ordering::NewestFirst),
        "event_time" => Ok(Ordering::OldestFirst),
        _ => Err(Invalid::new(
            "enum",
            "Input should be '-event_time' or 'event_time'",
        )),
    }
}
