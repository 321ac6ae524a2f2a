//! When the store received an event.

use std::fmt;

use jiff::Timestamp;

use super::time::EventTime;

/// The digits of a second's fraction that are written: microseconds.
const DIGITS: u8 = 6;

/// An instant in UTC, in microseconds, given to an event by the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReceivedAt(i64);

impl ReceivedAt {
    /// Returns the instant that a backend stored, in microseconds since 1970-01-01T00:00:00Z; `None` if it is outside
    /// the years 0 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        EventTime::from_parts(micros, DIGITS).map(|_| Self(micros))
    }

    /// Returns the instant a microsecond later; at the end of the year 9999 the same.
    #[must_use]
    pub fn next(self) -> Self {
        Self::from_micros(self.0 + 1).unwrap_or(self)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

/// Rounds down to microseconds.
impl From<Timestamp> for ReceivedAt {
    fn from(instant: Timestamp) -> Self {
        let micros = instant.as_nanosecond().div_euclid(1000);
        Self(i64::try_from(micros).unwrap_or_default()) // jiff's years fit
    }
}

/// Writes RFC 3339 with six digits of a fraction.
impl fmt::Display for ReceivedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = EventTime::from_parts(self.0, DIGITS).ok_or(fmt::Error)?;
        time.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::ReceivedAt;

    #[test]
    fn is_written_with_microseconds() {
        let instant: Timestamp = "2022-11-10T10:26:12.1Z".parse().unwrap();
        let received_at = ReceivedAt::from(instant);
        assert_eq!(received_at.to_string(), "2022-11-10T10:26:12.100000Z");
        assert_eq!(
            ReceivedAt::from_micros(received_at.micros()),
            Some(received_at)
        );
        let before_1970: Timestamp = "1969-12-31T23:59:59.9999999Z".parse().unwrap();
        assert_eq!(
            ReceivedAt::from(before_1970).to_string(),
            "1969-12-31T23:59:59.999999Z"
        );
        assert_eq!(ReceivedAt::from_micros(i64::MAX), None);
    }
}
