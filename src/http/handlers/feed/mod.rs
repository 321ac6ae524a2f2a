//! A tenant's history in the order in which events arrived: in answers that may wait for it, as a stream, as a file.

pub(crate) mod export;
pub(crate) mod poll;
pub(crate) mod stream;

use crate::domain::Cursor;
use crate::http::responses::ApiResult;
use crate::service::{self, Access};

/// Means the position behind the newest event.
const LATEST: &str = "latest";

/// Returns the position that a caller names; `None` is before the first event.
async fn position(access: &Access, after: Option<&str>) -> ApiResult<Option<Cursor>> {
    match after {
        None => Ok(None),
        Some(LATEST) => Ok(Some(access.newest_cursor().await?)),
        Some(text) => {
            let cursor = Cursor::parse(text).map_err(service::Error::CursorRefused)?;
            Ok(Some(cursor))
        }
    }
}

pub(crate) fn describe_metrics() {
    poll::describe_metrics();
    metrics::describe_gauge!("event_history_exports", "Exports that are being sent.");
}
