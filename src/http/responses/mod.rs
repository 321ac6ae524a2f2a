//! Turns values into responses: errors, events and files as JSON, streamed pages, the OpenAPI document, request ids.
//! Imports `state`.

mod api_error;
mod event_body;
mod event_page;
pub(super) mod openapi;
pub(super) mod request_id;

pub use api_error::{ApiError, Problem};
pub(super) use api_error::{ApiResult, ChangedBody, ErrorBody, rejection};
pub(super) use event_body::{EventBody, RecordBody};
pub(super) use event_page::{EventPage, acquire_for_read};
