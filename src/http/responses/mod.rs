//! Turns values into responses: errors, events and files as JSON, streamed pages, the OpenAPI document, request ids.
//! Imports `state`.

mod api_error;
mod chunked_body;
mod entity_tag;
mod event_body;
mod event_page;
mod feed;
pub(super) mod openapi;
pub(super) mod rate_limit;
mod record_body;
mod record_diff_body;
pub(super) mod request_id;

pub use api_error::{ApiError, Problem};
pub(super) use api_error::{ApiResult, ChangedBody, ErrorBody, rejection};
pub(super) use chunked_body::{ChunkedBody, READ_PAUSE};
pub(super) use entity_tag::EntityTag;
pub(super) use event_body::{EventBody, FileBody, RecordBody};
pub(super) use event_page::{EventPage, acquire_for_read, acquire_for_read_and};
pub(super) use feed::{EventStream, Export, ExportFormat, FeedReader};
pub(super) use record_body::RecordStateBody;
pub(super) use record_diff_body::RecordDiffBody;
