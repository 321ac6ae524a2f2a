//! When an event happened: an instant in UTC, and the precision in which it was written.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};

use crate::domain::Invalid;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_MINUTE: i64 = 60;
const MAX_DIGITS: u8 = 6;

/// From 0000-01-01T00:00:00Z to 9999-12-31T23:59:59.999999Z: all that RFC 3339 can write. jiff's own
/// `Timestamp` ends a day earlier, and people use that last day to say "for ever".
const MICROS: std::ops::RangeInclusive<i64> = -62_167_219_200_000_000..=253_402_300_799_999_999;

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

/// An instant with microseconds, and how many digits of the second's fraction the sender wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime {
    micros: i64,
    digits: u8,
}

impl EventTime {
    /// Parses a date and time of RFC 3339, section 5.6, with at most six digits of a fraction.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let malformed = |message: &str| Invalid::new("datetime_parsing", message);
        let written = Written::split(text).ok_or_else(|| {
            malformed(
                "Input should be an RFC 3339 date and time with an offset, such as \
                 2022-11-10T10:26:12.111Z",
            )
        })?;
        let digits = u8::try_from(written.fraction.len()).unwrap_or(u8::MAX);
        if digits > MAX_DIGITS {
            let message = "Input should have at most six digits of a fraction of a second";
            return Err(malformed(message));
        }
        // jiff would make it second 59 of another instant.
        if written.date_time.ends_with("60") {
            return Err(malformed("Input should have a second from 00 to 59"));
        }
        let local: DateTime = written.date_time.parse().map_err(|error| {
            malformed(&format!("Input should be a valid date and time, {error}"))
        })?;
        let offset = offset_minutes(written.offset)
            .ok_or_else(|| malformed("Input should have an offset of less than 24 hours"))?;
        let fraction: i64 = format!("{:0<6}", written.fraction).parse().unwrap_or(0);
        let seconds = local.duration_since(EPOCH).as_secs() - offset * SECONDS_PER_MINUTE;
        let micros = seconds * MICROS_PER_SECOND + fraction;
        Self::from_parts(micros, digits)
            .ok_or_else(|| malformed("Input should be in the years 0 to 9999 UTC"))
    }

    /// Returns the time that a backend stored as its two numbers; `None` if they make no time.
    pub fn from_parts(micros: i64, digits: u8) -> Option<Self> {
        let valid = MICROS.contains(&micros) && digits <= MAX_DIGITS;
        valid.then_some(Self { micros, digits })
    }

    /// Returns the time with microseconds that is the nearest to this one.
    pub fn clamped(micros: i64) -> Self {
        Self {
            micros: micros.clamp(*MICROS.start(), *MICROS.end()),
            digits: MAX_DIGITS,
        }
    }

    /// Returns the first instant of the month, without a fraction.
    #[must_use]
    pub fn month_start(self) -> Self {
        let since = SignedDuration::from_micros(self.micros);
        let at = EPOCH.saturating_add(since);
        let start = at.date().first_of_month().at(0, 0, 0, 0);
        Self {
            micros: start.duration_since(EPOCH).as_secs() * MICROS_PER_SECOND,
            digits: 0,
        }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.micros
    }

    /// The number of digits of the second's fraction as written, 0 to 6.
    pub const fn digits(self) -> u8 {
        self.digits
    }
}

/// Writes the instant in UTC with as many digits as the sender wrote.
impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = SignedDuration::from_micros(self.micros);
        let at = EPOCH.checked_add(since).map_err(|_| fmt::Error)?;
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

/// The parts of a text that has the form of RFC 3339. Only the form is checked here.
///
/// jiff accepts more than the standard does (week dates, annotations, hours without minutes), and a
/// sender who relies on that would find other systems refuse the same text.
struct Written<'a> {
    date_time: &'a str,
    /// The digits behind the point; empty where there is none.
    fraction: &'a str,
    /// `Z`, or a sign, hours and minutes.
    offset: &'a str,
}

impl<'a> Written<'a> {
    fn split(text: &'a str) -> Option<Self> {
        let (date_time, rest) = text.split_at_checked("2022-11-10T10:26:12".len())?;
        let well_formed =
            date_time
                .bytes()
                .zip("dddd-dd-ddTdd:dd:dd".bytes())
                .all(|(byte, form)| match form {
                    b'd' => byte.is_ascii_digit(),
                    b'T' => matches!(byte, b'T' | b't' | b' '),
                    punctuation => byte == punctuation,
                });
        let (fraction, offset) = match rest.strip_prefix('.') {
            Some(rest) => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                rest.split_at(digits)
            }
            None => ("", rest),
        };
        let empty_fraction = rest.starts_with('.') && fraction.is_empty();
        (well_formed && !empty_fraction && is_offset(offset)).then_some(Self {
            date_time,
            fraction,
            offset,
        })
    }
}

fn is_offset(text: &str) -> bool {
    match text.as_bytes() {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()),
        _ => false,
    }
}

/// Returns how many minutes local time is ahead of UTC; `None` where there is no such offset.
fn offset_minutes(offset: &str) -> Option<i64> {
    let Some((hours, minutes)) = offset.split_once(':') else {
        return Some(0); // Z
    };
    let (sign, hours) = hours.split_at(1);
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let ahead = hours * 60 + minutes;
    (hours < 24 && minutes < 60).then_some(if sign == "-" { -ahead } else { ahead })
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
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
            ("1970-01-01T23:59:00.5+23:59", "1970-01-01T00:00:00.5Z"),
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
            "2022-11-10T10:26:60Z",
            "2016-12-31T23:59:60Z",
            "2016-12-31T23:59:60.5+01:00",
            "2022-11-10T10:26:12+0200",
            "2022-11-10T10:26:12Z[Europe/London]",
            "1668075972",
            "２022-11-10T10:26:12Z",
            "9999-12-31T23:59:59-23:00",
            "0000-01-01T00:00:00+00:01",
            "2022-11-10T10:26:12+24:00",
            "2022-11-10T10:26:12+01:60",
        ] {
            assert!(EventTime::parse(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_again(micros in super::MICROS, digits in 0_u8..=6) {
            let time = EventTime::from_parts(micros, digits).unwrap();
            let again = EventTime::parse(&time.to_string()).unwrap();
            let dropped = 10_i64.pow(u32::from(6 - digits));
            assert_eq!(again.micros(), micros - micros.rem_euclid(dropped));
            assert_eq!(again.digits(), digits);
        }

        #[test]
        fn instants_are_those_of_jiff(micros in -62_000_000_000_000_000..=253_000_000_000_000_000_i64) {
            let instant = jiff::Timestamp::from_microsecond(micros).unwrap();
            assert_eq!(EventTime::parse(&instant.to_string()).unwrap().micros(), micros);
        }
    }
}
