//! When an event happened: an instant in UTC, and the precision in which it was written.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::domain::Invalid;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MAX_DIGITS: u8 = 6;

/// An instant with microseconds, and how many digits of the second's fraction the sender wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime {
    micros: i64,
    digits: u8,
}

impl EventTime {
    /// Parses a date and time of RFC 3339, section 5.6, with at most six digits of a fraction.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = fraction_digits(text).ok_or_else(|| {
            let message = "Input should be an RFC 3339 date and time with an offset, such as \
                           2022-11-10T10:26:12.111Z";
            Invalid::new("datetime_parsing", message)
        })?;
        if digits > usize::from(MAX_DIGITS) {
            let message = "Input should have at most six digits of a fraction of a second";
            return Err(Invalid::new("datetime_parsing", message));
        }
        let instant: Timestamp = text.parse().map_err(|error| {
            Invalid::new(
                "datetime_parsing",
                format!("Input should be a valid date and time, {error}"),
            )
        })?;
        let year = Offset::UTC.to_datetime(instant).year();
        if !(0..=9999).contains(&year) {
            return Err(Invalid::new(
                "datetime_parsing",
                "Input should be in the years 0 to 9999 UTC",
            ));
        }
        Ok(Self {
            micros: instant.as_microsecond(),
            digits: digits.try_into().unwrap_or(MAX_DIGITS),
        })
    }

    /// Returns the time that a backend stored as its two numbers; `None` if they make no time.
    pub fn from_parts(micros: i64, digits: u8) -> Option<Self> {
        let valid = Timestamp::from_microsecond(micros).is_ok() && digits <= MAX_DIGITS;
        valid.then_some(Self { micros, digits })
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.micros
    }

    /// How many digits of the second's fraction were written, 0 to 6.
    pub const fn digits(self) -> u8 {
        self.digits
    }
}

/// Writes the instant in UTC with as many digits as the sender wrote.
impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = Timestamp::from_microsecond(self.micros).map_err(|_| fmt::Error)?;
        let at = Offset::UTC.to_datetime(instant);
        let (year, month, day) = (at.year(), at.month(), at.day());
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        if self.digits > 0 {
            let dropped = 10_i64.pow(u32::from(MAX_DIGITS - self.digits));
            let fraction = self.micros.rem_euclid(MICROS_PER_SECOND) / dropped;
            write!(f, ".{fraction:0width$}", width = usize::from(self.digits))?;
        }
        f.write_str("Z")
    }
}

/// Returns how many digits of a fraction `text` has, or `None` where it has not the form of RFC 3339.
///
/// jiff accepts more than the standard does (week dates, annotations, hours without minutes), and a
/// sender who relies on that would find other systems refuse the same text.
fn fraction_digits(text: &str) -> Option<usize> {
    let (date_time, rest) = text.split_at_checked("2022-11-10T10:26:12".len())?;
    let form = date_time.bytes().zip("dddd-dd-ddTdd:dd:dd".bytes());
    let well_formed = form.into_iter().all(|(byte, form)| match form {
        b'd' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        punctuation => byte == punctuation,
    });
    if !well_formed {
        return None;
    }
    let (digits, offset) = match rest.strip_prefix('.') {
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            (fraction.len() - offset.len(), offset)
        }
        None => (0, rest),
    };
    let fraction_is_empty = rest.starts_with('.') && digits == 0;
    (!fraction_is_empty && is_offset(offset)).then_some(digits)
}

fn is_offset(text: &str) -> bool {
    match text.as_bytes() {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::EventTime;

    #[test]
    fn is_written_as_it_was_sent_but_in_utc() {
        for (sent, written) in [
            ("2022-11-10T10:26:12.111Z", "2022-11-10T10:26:12.111Z"),
            ("2022-11-10T10:26:12Z", "2022-11-10T10:26:12Z"),
            ("2022-11-10t10:26:12.1000z", "2022-11-10T10:26:12.1000Z"),
            (
                "2022-11-10T12:26:12.000001+02:00",
                "2022-11-10T10:26:12.000001Z",
            ),
            ("1969-12-31T23:59:59.9Z", "1969-12-31T23:59:59.9Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("2022-11-10T10:26:12-00:00", "2022-11-10T10:26:12Z"),
        ] {
            assert_eq!(
                EventTime::parse(sent).unwrap().to_string(),
                written,
                "{sent}"
            );
        }
    }

    #[test]
    fn refuses_what_rfc_3339_does_not_have() {
        for text in [
            "",
            "2022-11-10",
            "2022-11-10T10:26:12",
            "2022-11-10T10:26Z",
            "2022-11-10T10:26:12.Z",
            "2022-11-10T10:26:12.1234567Z",
            "2022-13-10T10:26:12Z",
            "2022-02-30T10:26:12Z",
            "2022-11-10T25:26:12Z",
            "2022-11-10T10:26:12+0200",
            "2022-11-10T10:26:12Z[Europe/London]",
            "1668075972",
            "２022-11-10T10:26:12Z",
            "9999-12-31T23:59:59-23:00",
        ] {
            assert!(EventTime::parse(text).is_err(), "{text}");
        }
    }
}
