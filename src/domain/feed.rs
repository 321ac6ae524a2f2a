//! Parts of a history in the order of arrival.

use super::{Cursor, Event, FeedPosition};

/// Part of a tenant's history in arrival order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Each has the time of its receipt.
    pub events: Vec<Event>,
    /// The position of each event: a reader may stop behind any of them ([`Cursor::at`]).
    pub positions: Vec<FeedPosition>,
    /// Behind the last event that was looked at, whether or not it matched.
    pub cursor: Cursor,
    /// There are events behind the cursor; they need not match.
    pub has_more: bool,
}
