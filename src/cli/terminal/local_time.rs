//! Instants as the person at the terminal reads and writes them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::domain::EventTime;

/// Returns an instant in local time with the zone's offset, as in `2026-11-10 11:26:12.111 +01:00`; the text itself if it is
/// no instant.
pub(in crate::cli) fn local_time(text: &str, zone: &TimeZone) -> String {
    let shown = || {
        let time = EventTime::parse(text).ok()?;
        let local = Timestamp::from_microsecond(time.micros()).ok()?;
        let local = local.to_zoned(zone.clone());
        let mut shown = local.strftime("%Y-%m-%d %H:%M:%S").to_string();
        if time.digits() > 0 {
            let micros = format!("{:06}", local.subsec_nanosecond() / 1000);
            shown.push('.');
            shown.push_str(&micros[..usize::from(time.digits())]);
        }
        Some(format!("{shown} {}", local.strftime("%:z")))
    };
    shown().unwrap_or_else(|| text.to_owned())
}

/// Parses an instant of RFC 3339, or a date with or without a time of day in the local zone.
pub(in crate::cli) fn parse_time(text: &str, zone: &TimeZone) -> Result<EventTime, String> {
    if let Ok(time) = EventTime::parse(text) {
        return Ok(time);
    }
    let local = || {
        // jiff would read an offset and ignore it.
        let is_plain = |it: char| it.is_ascii_digit() || matches!(it, '-' | ':' | '.' | ' ' | 'T');
        let local: DateTime = text.chars().all(is_plain).then(|| text.parse().ok())??;
        let instant = zone.to_timestamp(local).ok()?;
        let digits = if instant.subsec_nanosecond() == 0 {
            0
        } else {
            6
        };
        EventTime::from_parts(instant.as_microsecond(), digits)
    };
    local().ok_or_else(|| {
        format!(
            "'{text}' is not a time, as in '2026-11-10T10:26:12Z', or in local time \
             '2026-11-10 11:26' or '2026-11-10'"
        )
    })
}

#[cfg(test)]
mod tests {
    use jiff::tz::{Offset, TimeZone};

    use super::{local_time, parse_time};

    #[test]
    fn times_are_local_with_their_offset() {
        let zone = TimeZone::fixed(Offset::from_hours(2).unwrap());
        for (text, expected) in [
            ("2026-11-10T10:26:12Z", "2026-11-10 12:26:12 +02:00"),
            ("2026-11-10T23:26:12.1Z", "2026-11-11 01:26:12.1 +02:00"),
            (
                "1969-12-31T23:59:59.999999Z",
                "1970-01-01 01:59:59.999999 +02:00",
            ),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
            ("yesterday", "yesterday"),
        ] {
            assert_eq!(local_time(text, &zone), expected);
        }
    }

    #[test]
    fn times_may_be_written_locally() {
        let zone = TimeZone::fixed(Offset::from_hours(2).unwrap());
        for (text, expected) in [
            ("2026-11-10T10:26:12.5+01:00", "2026-11-10T09:26:12.5Z"),
            ("2026-11-10", "2026-11-09T22:00:00Z"),
            ("2026-11-10 10:26", "2026-11-10T08:26:00Z"),
            ("2026-11-10T10:26:12.25", "2026-11-10T08:26:12.250000Z"),
        ] {
            assert_eq!(parse_time(text, &zone).unwrap().to_string(), expected);
        }
        for text in [
            "",
            "now",
            "2026-13-01",
            "2026-11-10 25:00",
            "2026-11-10T10:26:60Z",
            "1731234372",
        ] {
            assert!(parse_time(text, &zone).is_err(), "{text}");
        }
    }
}
