//! Parses the members that requests for uploads have in common.

use std::time::Duration;

use serde_json::value::RawValue;

use super::json_fields;
use crate::domain::{ContentType, FileName, FileSha256, Invalid};
use crate::objects::MAX_URL_LIFE;

pub(crate) fn content_type(json: &RawValue) -> Result<ContentType, Invalid> {
    ContentType::parse(&json_fields::string(json)?)
}

pub(crate) fn sha256(json: &RawValue) -> Result<FileSha256, Invalid> {
    FileSha256::from_base64(&json_fields::string(json)?)
}

pub(crate) fn file_name(json: &RawValue) -> Result<FileName, Invalid> {
    FileName::parse(&json_fields::string(json)?)
}

pub(crate) fn expires_in(json: &RawValue) -> Result<Duration, Invalid> {
    url_life(json_fields::unsigned(json)?)
}

/// Checks the life of a URL, in seconds.
pub(crate) fn url_life(seconds: u64) -> Result<Duration, Invalid> {
    let longest = MAX_URL_LIFE.as_secs();
    if (1..=longest).contains(&seconds) {
        return Ok(Duration::from_secs(seconds));
    }
    let message = format!("Input should be between 1 and {longest}");
    Err(Invalid::new("expires_in", message))
}
