//! Parses the parameters that select events, and writes the query strings of neighbouring pages.

use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use super::Problems;
use super::parameters::{MAX_PARAMETERS, Parameters, boolean, integer, loc, unknown};
use crate::domain::query::Limit;
use crate::domain::{
    Count, EventId, EventTime, FileId, Invalid, Ordering, PageCursor, Query, WantedValue, Words,
};
use crate::http::responses::ApiResult;

/// The most repetitions of one filter: enough for a screen of records, and a statement that stays small.
const MAX_REPEATS: usize = 100;

/// The longest text to filter by: more than people and programs are named with, so that a request is compared fast.
const MAX_TEXT_BYTES: usize = 1024;

/// The parameters of [`EventFilters`], and how often each may be given.
const FILTERS: [(&str, usize); 16] = [
    ("record_id", MAX_REPEATS),
    ("event_type_id", MAX_REPEATS),
    ("source_id", MAX_REPEATS),
    ("source_type_id", MAX_REPEATS),
    ("event_id", MAX_REPEATS),
    ("event_time_from", 1),
    ("event_time_to", 1),
    ("source_name", MAX_REPEATS),
    ("source_info", MAX_REPEATS),
    ("file_id", MAX_REPEATS),
    ("has_file", 1),
    ("received_from", 1),
    ("received_to", 1),
    ("field", MAX_REPEATS),
    ("value", MAX_REPEATS),
    ("q", 1),
];

/// The other parameters of a list.
const PAGING: [&str; 5] = ["limit", "offset", "cursor", "ordering", "count"];

const _: () = {
    let (mut total, mut index) = (PAGING.len(), 0);
    while index < FILTERS.len() {
        total += FILTERS[index].1;
        index += 1;
    }
    assert!(
        total <= MAX_PARAMETERS,
        "the longest list of filters is accepted"
    );
};

/// Where a filter may be repeated, any of its values matches.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters that `set_filter` reads")]
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
    /// Exactly this name, at most 1024 bytes.
    source_name: Option<Vec<String>>,
    /// Exactly this text, at most 1024 bytes.
    source_info: Option<Vec<String>>,
    /// Events that reference this file.
    #[param(value_type = Option<Vec<uuid::Uuid>>)]
    file_id: Option<Vec<String>>,
    /// Events with a file, or without one.
    has_file: Option<bool>,
    /// RFC 3339, inclusive: when the service received the event.
    #[param(format = DateTime)]
    received_from: Option<String>,
    /// RFC 3339, exclusive.
    #[param(format = DateTime)]
    received_to: Option<String>,
    /// Events that changed this field, at most 1024 bytes.
    field: Option<Vec<String>>,
    /// Events that changed a field (one of `field`, where that is given) from or to this value, at most 1024 bytes.
    value: Option<Vec<String>>,
    /// Words that the event has: in its data, its source's name and info, or the names of its files.
    #[param(max_length = 1024)]
    q: Option<String>,
}

/// The paging of a list of events.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters that `list_query` reads")]
pub(crate) struct EventsPaging {
    /// The most events on a page.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u32>,
    /// The number of events to skip. Not with `cursor`.
    #[param(default = 0, minimum = 0, maximum = 4_294_967_295_u32, format = Int64)]
    offset: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Newest first by default; with `cursor`, the order of that.
    #[param(inline)]
    ordering: Option<OrderingName>,
    /// With `none`, both counts are null, and the page is faster.
    #[param(inline)]
    count: Option<CountName>,
}

#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the values that `parse_ordering` reads")]
pub(crate) enum OrderingName {
    #[schema(rename = "-event_time")]
    NewestFirst,
    #[schema(rename = "event_time")]
    OldestFirst,
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the values that `parse_count` reads")]
pub(crate) enum CountName {
    Exact,
    None,
}

/// The parameters of a list, parsed.
#[derive(Debug)]
pub(crate) struct ListParameters {
    pub(crate) query: Query,
    /// As it was sent: the service says what is wrong with it.
    pub(crate) cursor: Option<String>,
    /// `None` where the cursor decides it.
    pub(crate) ordering: Option<Ordering>,
}

impl Parameters {
    /// Parses the parameters that [`EventFilters`] and [`EventsPaging`] document; any other is a problem.
    pub(crate) fn list_query(&self) -> ApiResult<ListParameters> {
        let mut parsed = ListParameters {
            query: Query::default(),
            cursor: None,
            ordering: None,
        };
        let mut offset = None;
        let mut problems = self.set_each(&PAGING, |name, value| {
            let query = &mut parsed.query;
            match name {
                "limit" => query.limit = Limit::new(integer(value)?)?,
                "offset" => offset = Some(integer(value)?),
                "cursor" => parsed.cursor = Some(value.to_owned()),
                "ordering" => parsed.ordering = Some(parse_ordering(value)?),
                "count" => query.count = parse_count(value)?,
                _ => set_filter(query, name, value)?,
            }
            Ok(())
        });
        if parsed.cursor.is_some() && offset.is_some() {
            let message = "Parameter should not be given together with 'cursor'";
            problems.add(loc("offset"), Invalid::new("value_error", message));
        }
        parsed.query.offset = offset.unwrap_or_default();
        parsed.query.ordering = parsed.ordering.unwrap_or_default();
        problems.finish(Some(parsed))
    }

    /// Sets each parameter. Those of [`FILTERS`] may be given as often as that says, and `further` ones once.
    pub(crate) fn set_each(
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
        for (name, most) in FILTERS {
            self.check_repeats(name, most, &mut problems);
        }
        for name in further {
            self.check_repeats(name, 1, &mut problems);
        }
        problems
    }

    /// Returns the absolute URL of the page at an offset, with every other parameter as it was sent.
    pub(crate) fn page_url(&self, public_url: &str, limit: Limit, offset: u32) -> String {
        self.neighbour_url(public_url, limit, ("offset", &offset.to_string()))
    }

    /// Returns the absolute URL of the page behind a cursor, with every other parameter as it was sent.
    pub(crate) fn cursor_url(&self, public_url: &str, limit: Limit, cursor: &PageCursor) -> String {
        self.neighbour_url(public_url, limit, ("cursor", &cursor.to_string()))
    }

    fn neighbour_url(&self, public_url: &str, limit: Limit, start: (&str, &str)) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.0 {
            if !["limit", "offset", "cursor"].contains(&name.as_str()) {
                query.append_pair(name, value);
            }
        }
        query.append_pair("limit", &limit.get().to_string());
        query.append_pair(start.0, start.1);
        format!("{public_url}/api/history/events?{}", query.finish())
    }
}

/// Sets a filter. Any other parameter is a problem.
pub(crate) fn set_filter(query: &mut Query, name: &str, value: &str) -> Result<(), Invalid> {
    // Without `..`: a new filter needs a parameter, here, in `FILTERS` and in `EventFilters`.
    let Query {
        record_ids,
        event_type_ids,
        source_ids,
        source_type_ids,
        event_ids,
        from_us,
        to_us,
        source_names,
        source_infos,
        file_ids,
        has_file,
        received_from_us,
        received_to_us,
        changes,
        words,
        ordering: _,
        limit: _,
        offset: _,
        after: _,
        count: _,
    } = query;
    match name {
        "record_id" => record_ids.push(integer(value)?),
        "event_type_id" => event_type_ids.push(integer(value)?),
        "source_id" => source_ids.push(integer(value)?),
        "source_type_id" => source_type_ids.push(integer(value)?),
        "event_id" => event_ids.push(EventId::parse(value)?),
        "event_time_from" => *from_us = Some(EventTime::parse(value)?.micros()),
        "event_time_to" => *to_us = Some(EventTime::parse(value)?.micros()),
        "source_name" => source_names.push(text(value)?.to_owned()),
        "source_info" => source_infos.push(text(value)?.to_owned()),
        "file_id" => file_ids.push(FileId::parse(value)?),
        "has_file" => *has_file = Some(boolean(value)?),
        "received_from" => *received_from_us = Some(EventTime::parse(value)?.micros()),
        "received_to" => *received_to_us = Some(EventTime::parse(value)?.micros()),
        "field" => changes.fields.push(text(value)?.to_owned()),
        "value" => changes.values.push(WantedValue::new(text(value)?)),
        "q" => *words = Some(Words::parse(value)?),
        _ => return Err(unknown()),
    }
    Ok(())
}

fn text(text: &str) -> Result<&str, Invalid> {
    if text.len() > MAX_TEXT_BYTES {
        let message = format!("String should have at most {MAX_TEXT_BYTES} bytes");
        return Err(Invalid::new("string_too_long", message));
    }
    Ok(text)
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

fn parse_count(text: &str) -> Result<Count, Invalid> {
    match text {
        "exact" => Ok(Count::Exact),
        "none" => Ok(Count::None),
        _ => Err(Invalid::new("enum", "Input should be 'exact' or 'none'")),
    }
}
