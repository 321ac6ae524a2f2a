//! Turns requests into values: authentication, bodies, JSON members, parameters. Imports `responses` and `state`.

mod auth;
mod batch;
pub(super) mod event_fields;
pub(super) mod event_query;
pub(super) mod event_schema;
pub(super) mod feed_parameters;
mod json_body;
pub(super) mod json_fields;
pub(super) mod parameters;
mod problems;
pub(super) mod upload_fields;

pub(super) use auth::{API_KEY_HEADER, CLIENT_ID_HEADER, ClientIdHeader};
pub(super) use batch::{Batch, BatchEvent, Refused};
pub(super) use json_body::{JsonBody, LargeBody, MAX_EVENT_BYTES, SmallBody};
pub(super) use json_fields::{Object, Place};
pub(super) use parameters::{Parameters, PathParameters, path_parameter};
pub(super) use problems::Problems;
