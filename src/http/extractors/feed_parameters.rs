//! Parses the parameters of those who follow a history: of the feed, streams and exports.

use std::time::Duration;

use http::HeaderName;
use utoipa::{IntoParams, ToSchema};

use super::Parameters;
use super::event_query::set_filter;
use super::parameters::{integer, loc};
use crate::domain::query::Limit;
use crate::domain::{EventId, Invalid, Query};
use crate::http::responses::{ApiResult, ExportFormat};

/// The last cursor that a client of a stream received, which it sends when it comes back.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Names the end of an export, which a client sends as `until` when it comes back.
pub(crate) const CURSOR_HEADER: HeaderName = HeaderName::from_static("event-history-cursor");

/// The longest wait for new events, in seconds: shorter than the minute after which proxies close a silent connection.
pub(crate) const MAX_WAIT_SECONDS: u64 = 25;

/// The position to continue from.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters that `feed_query` reads")]
pub(crate) struct FeedStart {
    /// The last cursor that was received; `latest`: behind the newest event; absent: from the first one.
    after: Option<String>,
}

/// The time that an answer of the feed may take.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameter that `feed_query` reads")]
pub(crate) struct FeedWait {
    /// The seconds to wait for new events if there are none.
    #[param(minimum = 0, maximum = 25, default = 0)]
    wait: Option<u64>,
}

/// The size of an answer of the feed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameter that `feed_query` reads")]
pub(crate) struct FeedLimit {
    /// The most events in one answer, which may have fewer although more follow.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u32>,
}

/// The parameters of the feed, parsed.
#[derive(Debug)]
pub(crate) struct FeedParameters {
    pub(crate) query: Query,
    /// As it was sent: the service says what is wrong with it.
    pub(crate) after: Option<String>,
    pub(crate) wait: Duration,
}

/// The parameters of a stream, parsed.
#[derive(Debug)]
pub(crate) struct StreamParameters {
    pub(crate) query: Query,
    /// As it was sent.
    pub(crate) after: Option<String>,
}

/// The form and the range of an export.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents the parameters that `export_query` reads"
)]
pub(crate) struct ExportQuery {
    #[param(inline)]
    format: Option<FormatName>,
    /// A cursor: the export begins behind it; `latest`: behind the newest event; absent: with the first one.
    after: Option<String>,
    /// The id of the last event that was received: the export begins behind it, and a CSV has no header line. Not
    /// together with `after`.
    #[param(value_type = Option<uuid::Uuid>)]
    after_event: Option<String>,
    /// A cursor: the export ends there. By default it ends with the event that is the newest when it begins.
    until: Option<String>,
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the values that `parse_format` reads")]
pub(crate) enum FormatName {
    Ndjson,
    Csv,
}

/// The parameters of an export, parsed.
#[derive(Debug)]
pub(crate) struct ExportParameters {
    pub(crate) query: Query,
    pub(crate) format: ExportFormat,
    /// As it was sent.
    pub(crate) after: Option<String>,
    pub(crate) after_event: Option<EventId>,
    /// As it was sent.
    pub(crate) until: Option<String>,
}

impl Parameters {
    /// Parses the parameters that [`FeedStart`], [`FeedWait`], [`EventFilters`] and [`FeedLimit`] document; any other is a problem.
    pub(crate) fn feed_query(&self) -> ApiResult<FeedParameters> {
        let mut parsed = FeedParameters {
            query: Query::default(),
            after: None,
            wait: Duration::ZERO,
        };
        let problems = self.set_each(&["after", "wait", "limit"], |name, value| {
            match name {
                "after" => parsed.after = Some(value.to_owned()),
                "wait" => parsed.wait = parse_wait(value)?,
                "limit" => parsed.query.limit = Limit::new(integer(value)?)?,
                _ => set_filter(&mut parsed.query, name, value)?,
            }
            Ok(())
        });
        problems.finish(Some(parsed))
    }

    /// Parses the parameters that [`FeedStart`] and [`EventFilters`] document; any other is a problem.
    pub(crate) fn stream_query(&self) -> ApiResult<StreamParameters> {
        let mut parsed = StreamParameters {
            query: Query::default(),
            after: None,
        };
        let problems = self.set_each(&["after"], |name, value| {
            match name {
                "after" => parsed.after = Some(value.to_owned()),
                _ => set_filter(&mut parsed.query, name, value)?,
            }
            Ok(())
        });
        problems.finish(Some(parsed))
    }

    /// Parses the parameters that [`ExportQuery`] and [`EventFilters`] document; any other is a problem.
    pub(crate) fn export_query(&self) -> ApiResult<ExportParameters> {
        let mut parsed = ExportParameters {
            query: Query::default(),
            format: ExportFormat::Ndjson,
            after: None,
            after_event: None,
            until: None,
        };
        let further = ["format", "after", "after_event", "until"];
        let mut problems = self.set_each(&further, |name, value| {
            match name {
                "format" => parsed.format = parse_format(value)?,
                "after" => parsed.after = Some(value.to_owned()),
                "after_event" => parsed.after_event = Some(EventId::parse(value)?),
                "until" => parsed.until = Some(value.to_owned()),
                _ => set_filter(&mut parsed.query, name, value)?,
            }
            Ok(())
        });
        if parsed.after.is_some() && parsed.after_event.is_some() {
            let message = "Only one of 'after' and 'after_event' should be given";
            problems.add(loc("after_event"), Invalid::new("value_error", message));
        }
        problems.finish(Some(parsed))
    }
}

fn parse_wait(text: &str) -> Result<Duration, Invalid> {
    match integer(text)? {
        seconds if seconds > MAX_WAIT_SECONDS => Err(Invalid::at_most(MAX_WAIT_SECONDS)),
        seconds => Ok(Duration::from_secs(seconds)),
    }
}

fn parse_format(text: &str) -> Result<ExportFormat, Invalid> {
    match text {
        "ndjson" => Ok(ExportFormat::Ndjson),
        "csv" => Ok(ExportFormat::Csv),
        _ => Err(Invalid::new("enum", "Input should be 'ndjson' or 'csv'")),
    }
}
