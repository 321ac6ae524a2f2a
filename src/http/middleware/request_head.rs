//! Refuses a request whose head is ambiguous or too large, before anything reads it.

use axum::extract::Request;
use http::Version;
use http::header::HOST;

use crate::http::responses::{ApiError, ApiResult};

/// The largest request head: the longest documented query has some 500 ids of 36 characters.
const MAX_HEAD_BYTES: usize = 64 * 1024;

pub(super) fn check(request: &Request) -> ApiResult<()> {
    let headers = request.headers();
    // The separators of each line count as well: a colon, a space, and the line's end.
    let lines = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4);
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |it| it.as_str().len());
    if lines.sum::<usize>() + target > MAX_HEAD_BYTES {
        return Err(ApiError::HeadTooLarge {
            limit_bytes: MAX_HEAD_BYTES,
        });
    }
    // Source: RFC 9112, section 3.2. Older requests need none.
    let hosts = headers.get_all(HOST).iter().count();
    match hosts {
        0 if request.version() < Version::HTTP_11 => Ok(()),
        1 => Ok(()),
        _ => Err(ApiError::BadHost),
    }
}
