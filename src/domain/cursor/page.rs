//! The cursors of those who read a list page by page.

use std::fmt;

use super::text::{self, Origin, event_id, number, take};
use super::{CursorProblem, Epoch};
use crate::domain::{ClientId, Ordering, Position};

/// The first byte of a cursor: another one whenever the bytes get another meaning, and none of those of a
/// [`Cursor`](super::Cursor).
const FORMAT: u8 = 2;

/// A position in the total order of one tenant's events, and the direction in which it is read. Opaque to callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageCursor {
    origin: Origin,
    ordering: Ordering,
    position: Position,
}

impl PageCursor {
    pub fn new(tenant: ClientId, epoch: Epoch, ordering: Ordering, position: Position) -> Self {
        Self {
            origin: Origin::new(tenant, epoch),
            ordering,
            position,
        }
    }

    pub const fn ordering(&self) -> Ordering {
        self.ordering
    }

    pub const fn position(&self) -> Position {
        self.position
    }

    /// Refuses the cursor if it is not one of this tenant and this epoch.
    pub fn require(&self, tenant: ClientId, epoch: Epoch) -> Result<(), CursorProblem> {
        self.origin.require(Origin::new(tenant, epoch))
    }

    /// Parses what [`PageCursor`] writes.
    pub fn parse(text: &str) -> Result<Self, CursorProblem> {
        let bytes = text::decode(text, FORMAT)?;
        Self::decode(&bytes).ok_or(CursorProblem::Malformed)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let origin = Origin::take(&mut rest)?;
        let ordering = match *take(&mut rest)? {
            [0] => Ordering::NewestFirst,
            [1] => Ordering::OldestFirst,
            _ => return None,
        };
        let position = Position {
            time_us: number(&mut rest)?,
            event_id: event_id(&mut rest)?,
        };
        rest.is_empty().then_some(Self {
            origin,
            ordering,
            position,
        })
    }
}

/// Writes letters, digits, `-` and `_`: fit for a URL.
impl fmt::Display for PageCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            origin,
            ordering,
            position: Position { time_us, event_id },
        } = self;
        let mut bytes = vec![FORMAT];
        origin.append_to(&mut bytes);
        bytes.push(match ordering {
            Ordering::NewestFirst => 0,
            Ordering::OldestFirst => 1,
        });
        bytes.extend(time_us.to_be_bytes());
        bytes.extend(event_id.uuid().as_bytes());
        f.write_str(&text::encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::PageCursor;
    use crate::domain::{
        ClientId, Cursor, CursorProblem, Epoch, EventId, FeedPosition, Ordering, Position,
    };

    const TENANT: ClientId = ClientId::from_uuid(Uuid::from_u128(7 << 120));

    fn cursor(ordering: Ordering) -> PageCursor {
        let position = Position {
            time_us: i64::MIN,
            event_id: EventId::from_uuid(Uuid::from_u128(9)),
        };
        PageCursor::new(TENANT, Epoch(-5), ordering, position)
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for ordering in [Ordering::NewestFirst, Ordering::OldestFirst] {
            let text = cursor(ordering).to_string();
            assert_eq!(PageCursor::parse(&text), Ok(cursor(ordering)), "{text}");
            for end in 0..text.len() {
                assert!(PageCursor::parse(&text[..end]).is_err(), "{end}");
            }
            assert!(PageCursor::parse(&format!("{text}A")).is_err());
        }
    }

    #[test]
    fn a_cursor_of_something_else_is_refused() {
        let cursor = cursor(Ordering::NewestFirst);
        let other = ClientId::from_uuid(Uuid::from_u128(8 << 120));
        assert_eq!(cursor.require(TENANT, Epoch(-5)), Ok(()));
        let refused = cursor.require(other, Epoch(-5));
        assert_eq!(refused, Err(CursorProblem::OtherTenant));
        let refused = cursor.require(TENANT, Epoch(5));
        assert_eq!(refused, Err(CursorProblem::Restored));
        // One endpoint's cursor says nothing to the other.
        let of_feed = Cursor::new(TENANT, Epoch(-5), FeedPosition::Start).to_string();
        let refused = PageCursor::parse(&of_feed);
        assert_eq!(refused, Err(CursorProblem::OtherEndpoint));
        let refused = Cursor::parse(&cursor.to_string());
        assert_eq!(refused, Err(CursorProblem::OtherEndpoint));
    }
}
