//! The form of a batch, by the headers of its request.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::cloud_event::HeaderAttributes;

/// How the events of a body are written.
#[derive(Debug)]
pub(super) enum Form {
    /// One event, or an array of events.
    Json,
    /// One event a line.
    Lines,
    /// One event in the structured mode of `CloudEvents`.
    CloudEvent,
    /// Events in the batched mode of `CloudEvents`.
    CloudEvents,
    /// One event in the binary mode of `CloudEvents`: the body has its data, and the headers its attributes.
    CloudEventData(HeaderAttributes),
}

impl Form {
    /// A content type that is not known stands for JSON: callers that curl the API rarely set it.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|it| it.to_str().ok());
        let media_type = content_type.and_then(|it| it.split(';').next());
        let media_type = media_type.unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "application/cloudevents+json" => return Self::CloudEvent,
            "application/cloudevents-batch+json" => return Self::CloudEvents,
            _ => {}
        }
        if let Some(attributes) = HeaderAttributes::of(headers) {
            return Self::CloudEventData(attributes);
        }
        match media_type.as_str() {
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Self::Lines,
            _ => Self::Json,
        }
    }
}
