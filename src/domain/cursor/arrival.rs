//! The positions in the arrival order of a tenant's events, and the cursors of those who follow it.

use std::fmt;

use super::text::{self, Origin, event_id, number, take};
use super::{CursorProblem, Epoch};
use crate::domain::{ClientId, EventId};

/// The first byte of a cursor: another one whenever the bytes get another meaning.
const FORMAT: u8 = 1;

/// A position in the arrival order of one tenant's events. Opaque to callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    origin: Origin,
    position: FeedPosition,
}

/// The position of an event in the arrival order, as the backend defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeedPosition {
    /// Before the first event.
    Start,
    /// The number that a single writer gave the event. The id tells whether it is still the same event.
    Sequence { sequence: i64, event_id: EventId },
    /// The order of several writers.
    Received {
        /// Microseconds since 1970-01-01T00:00:00Z.
        received_us: i64,
        /// Microseconds since 1970-01-01T00:00:00Z.
        time_us: i64,
        event_id: EventId,
    },
}

impl Cursor {
    pub fn new(tenant: ClientId, epoch: Epoch, position: FeedPosition) -> Self {
        Self {
            origin: Origin::new(tenant, epoch),
            position,
        }
    }

    /// Returns the cursor of the same arrival order at another position.
    #[must_use]
    pub const fn at(self, position: FeedPosition) -> Self {
        Self { position, ..self }
    }

    /// Returns the position of a cursor of the same arrival order.
    pub fn position_like(&self, other: &Self) -> Result<FeedPosition, CursorProblem> {
        self.origin.require(other.origin)?;
        Ok(self.position)
    }

    pub const fn position(&self) -> FeedPosition {
        self.position
    }

    /// Returns the position, if the cursor is one of this tenant and this epoch.
    pub fn position_in(
        &self,
        tenant: ClientId,
        epoch: Epoch,
    ) -> Result<FeedPosition, CursorProblem> {
        self.origin.require(Origin::new(tenant, epoch))?;
        Ok(self.position)
    }

    /// Returns the id of the event that the cursor is behind; `None` at the start.
    pub const fn event_id(&self) -> Option<EventId> {
        match self.position {
            FeedPosition::Start => None,
            FeedPosition::Sequence { event_id, .. } | FeedPosition::Received { event_id, .. } => {
                Some(event_id)
            }
        }
    }

    /// Parses what [`Cursor`] writes.
    pub fn parse(text: &str) -> Result<Self, CursorProblem> {
        let bytes = text::decode(text, FORMAT)?;
        Self::decode(&bytes).ok_or(CursorProblem::Malformed)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let origin = Origin::take(&mut rest)?;
        let [kind] = *take(&mut rest)?;
        let position = match kind {
            0 => FeedPosition::Start,
            1 => FeedPosition::Sequence {
                sequence: number(&mut rest)?,
                event_id: event_id(&mut rest)?,
            },
            2 => FeedPosition::Received {
                received_us: number(&mut rest)?,
                time_us: number(&mut rest)?,
                event_id: event_id(&mut rest)?,
            },
            _ => return None,
        };
        rest.is_empty().then_some(Self { origin, position })
    }
}

/// Writes letters, digits, `-` and `_`: fit for a URL.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, position } = self;
        let mut bytes = vec![FORMAT];
        origin.append_to(&mut bytes);
        match position {
            FeedPosition::Start => bytes.push(0),
            FeedPosition::Sequence { sequence, event_id } => {
                bytes.push(1);
                bytes.extend(sequence.to_be_bytes());
                bytes.extend(event_id.uuid().as_bytes());
            }
            FeedPosition::Received {
                received_us,
                time_us,
                event_id,
            } => {
                bytes.push(2);
                bytes.extend(received_us.to_be_bytes());
                bytes.extend(time_us.to_be_bytes());
                bytes.extend(event_id.uuid().as_bytes());
            }
        }
        f.write_str(&text::encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Cursor, FeedPosition};
    use crate::domain::{ClientId, CursorProblem, Epoch, EventId};

    const TENANT: ClientId = ClientId::from_uuid(Uuid::from_u128(7 << 120));
    const EVENT: EventId = EventId::from_uuid(Uuid::from_u128(9));
    const POSITIONS: [FeedPosition; 3] = [
        FeedPosition::Start,
        FeedPosition::Sequence {
            sequence: i64::MAX,
            event_id: EVENT,
        },
        FeedPosition::Received {
            received_us: -1,
            time_us: i64::MIN,
            event_id: EVENT,
        },
    ];

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for position in POSITIONS {
            let cursor = Cursor::new(TENANT, Epoch(-5), position);
            let text = cursor.to_string();
            assert_eq!(Cursor::parse(&text), Ok(cursor), "{text}");
            assert_eq!(cursor.position_in(TENANT, Epoch(-5)), Ok(position));
            assert!(
                text.bytes()
                    .all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it))
            );
        }
    }

    #[test]
    fn a_cursor_of_something_else_is_refused() {
        let cursor = Cursor::new(TENANT, Epoch(1), FeedPosition::Start);
        let other = ClientId::from_uuid(Uuid::from_u128(8 << 120));
        assert_eq!(
            cursor.position_in(other, Epoch(1)),
            Err(CursorProblem::OtherTenant)
        );
        assert_eq!(
            cursor.position_in(TENANT, Epoch(2)),
            Err(CursorProblem::Restored)
        );
    }

    #[test]
    fn no_other_text_is_a_cursor() {
        for position in POSITIONS {
            let text = Cursor::new(TENANT, Epoch(1), position).to_string();
            for end in 0..text.len() {
                assert!(Cursor::parse(&text[..end]).is_err(), "{end}");
            }
            for place in 0..text.len() {
                let mut changed = text.clone().into_bytes();
                changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).unwrap();
                assert!(Cursor::parse(&changed).is_err(), "{changed}");
            }
            assert!(Cursor::parse(&format!("{text}A")).is_err());
            assert!(Cursor::parse(&format!("{text}=")).is_err());
        }
    }
}
