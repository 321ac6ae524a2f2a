//! Parsers of single values. An error says what is wrong with the value, not where it was given.

mod addresses;
mod event_schemas;

use std::io::{self, IsTerminal};
use std::str::FromStr;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;

pub use self::addresses::listen_address;
pub(super) use self::addresses::{networks, origins, public_url};
pub(super) use self::event_schemas::event_schemas;
use crate::domain::{ContentType, ObjectLock, RetentionMode, TenantMember};

/// An API key with fewer characters can be guessed.
pub(super) const MIN_KEY_LENGTH: usize = 16;

/// The longest that orphans are kept or files locked for: ten years, the longest that laws on records usually ask for.
pub(super) const MAX_FILE_AGE: Duration = Duration::from_hours(3650 * 24);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One object per line, for programs.
    Json,
    /// For people.
    Text,
}

impl LogFormat {
    pub(super) fn for_stderr() -> Self {
        if io::stderr().is_terminal() {
            Self::Text
        } else {
            Self::Json
        }
    }
}

/// Parses `90s`, `15m`, `1h30m`, `7d` and the like, between two bounds.
pub(super) fn duration(text: &str, min: Duration, max: Duration) -> Result<Duration, String> {
    let malformed = || format!("'{text}' is not a duration, as in '90s', '15m', '1h30m' or '7d'");
    let span: Span = text.parse().map_err(|_| malformed())?;
    let days_are_24_hours = SpanRelativeTo::days_are_24_hours();
    let duration = span
        .to_duration(days_are_24_hours)
        .map_err(|_| malformed())?;
    match Duration::try_from(duration) {
        Ok(duration) if (min..=max).contains(&duration) => Ok(duration),
        _ => Err(format!(
            "'{text}' is not between {} and {}",
            written(min),
            written(max)
        )),
    }
}

/// Writes a bound in its largest whole unit.
fn written(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.as_millis());
    match seconds {
        _ if !millis.is_multiple_of(1000) => format!("{millis}ms"),
        _ if seconds > 0 && seconds.is_multiple_of(24 * 60 * 60) => {
            format!("{}d", seconds / (24 * 60 * 60))
        }
        _ if seconds > 0 && seconds.is_multiple_of(60 * 60) => format!("{}h", seconds / (60 * 60)),
        _ if seconds > 0 && seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

pub(super) fn count(text: &str, min: usize, max: usize) -> Result<usize, String> {
    let number: usize = text
        .parse()
        .map_err(|_| format!("'{text}' is not a whole number"))?;
    if (min..=max).contains(&number) {
        return Ok(number);
    }
    Err(format!("'{text}' is not between {min} and {max}"))
}

/// Parses bytes, written as a number alone or with a unit: `KiB`, `MiB`, `GiB` and `TiB` are powers of 1024, `KB`, `MB`,
/// `GB` and `TB` powers of 1000 (IEC 80000-13).
pub(super) fn size(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let malformed = || {
        format!(
            "'{text}' is not a size: a whole number of bytes, or with a unit, as in '100MiB' (1024² \
             bytes each) or '100MB' (1000²)"
        )
    };
    let digits = text
        .find(|it: char| !it.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (base, power) = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => (1, 0),
        "kib" => (1024_u64, 1),
        "mib" => (1024, 2),
        "gib" => (1024, 3),
        "tib" => (1024, 4),
        "kb" => (1000, 1),
        "mb" => (1000, 2),
        "gb" => (1000, 3),
        "tb" => (1000, 4),
        _ => return Err(malformed()),
    };
    let number: u64 = number.parse().map_err(|_| malformed())?;
    let bytes = number.checked_mul(base.pow(power));
    bytes
        .filter(|bytes| (min..=max).contains(bytes))
        .ok_or_else(|| format!("'{text}' is not between {min} and {max} bytes"))
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(format!("'{text}' is neither true nor false")),
    }
}

/// Parses media types with commas between, each one type or a kind of them, as in `image/*`.
pub(super) fn content_types(text: &str) -> Result<Vec<String>, String> {
    text.split(',')
        .map(|it| {
            let it = it.trim().to_ascii_lowercase();
            let parsed = ContentType::parse(&it);
            let is_plain = parsed.is_ok_and(|parsed| parsed.essence() == it);
            let stars = it.matches('*').count();
            let is_kind = stars == 1 && it.ends_with("/*") && it != "*/*";
            if is_plain && (stars == 0 || is_kind) {
                return Ok(it);
            }
            Err(format!(
                "'{it}' is not a media type, as in 'application/pdf' or 'image/*'"
            ))
        })
        .collect()
}

pub(super) fn object_lock(text: &str) -> Result<ObjectLock, String> {
    let malformed = || format!("'{text}' is not a lock, as in 'governance:365d'");
    let (mode, life) = text.split_once(':').ok_or_else(malformed)?;
    let mode = match mode.to_ascii_lowercase().as_str() {
        "governance" => RetentionMode::Governance,
        "compliance" => RetentionMode::Compliance,
        _ => return Err(malformed()),
    };
    let life = duration(life, Duration::from_hours(1), MAX_FILE_AGE)?;
    Ok(ObjectLock { mode, life })
}

/// Parses API keys with commas between. Errors do not quote them: they are secrets.
pub(super) fn api_keys(text: &str) -> Result<Vec<SecretString>, String> {
    let keys: Vec<&str> = text.split(',').map(str::trim).collect();
    if keys.iter().any(|key| key.is_empty()) {
        return Err("a key is blank".to_owned());
    }
    if !keys.iter().all(|key| is_key(key)) {
        return Err("a key has characters other than visible ASCII".to_owned());
    }
    Ok(keys.into_iter().map(SecretString::from).collect())
}

/// A key travels in a header, where other characters are refused or mangled on the way.
pub(super) fn is_key(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(super) fn tenant_member(text: &str) -> Result<TenantMember, String> {
    TenantMember::parse(text)
        .ok_or_else(|| format!("'{text}' is none of source, account, detail-type"))
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        _ => Err(format!("'{text}' is neither json nor text")),
    }
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    match EnvFilter::builder().parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!(
            "'{text}' is not a log filter, as in 'info': {error}"
        )),
    }
}

/// Parses a location, and keeps the password that one may hold out of the message.
pub(super) fn location<T: FromStr<Err = String>>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|message: String| message.replace(text, &without_password(text)))
}

/// Returns the text with everything between the first colon of `user:password@` and its `@` hidden.
fn without_password(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + "://".len());
    match text[start..].rfind('@') {
        Some(at) => format!("{}…{}", &text[..start], &text[start + at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{api_keys, boolean, duration, size, without_password};

    #[test]
    fn durations_have_units_and_bounds() {
        let week = Duration::from_hours(7 * 24);
        let second = Duration::from_secs(1);
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("1h30m", 5400),
            ("7d", 604_800),
            ("1w", 604_800),
            ("PT15M", 900),
        ] {
            assert_eq!(
                duration(text, second, week),
                Ok(Duration::from_secs(seconds)),
                "{text}"
            );
        }
        for text in ["", "900", "0s", "8d", "-5m", "1mo", "500ms", "7d1s", "soon"] {
            assert!(duration(text, second, week).is_err(), "{text}");
        }
        let message = duration("8d", second, week).unwrap_err();
        assert_eq!(message, "'8d' is not between 1s and 7d");
    }

    #[test]
    fn sizes_have_units_of_both_kinds() {
        for (text, bytes) in [
            ("1048576", 1 << 20),
            ("512B", 512),
            ("10MiB", 10 << 20),
            ("10 MiB", 10 << 20),
            ("10mib", 10 << 20),
            ("10MB", 10_000_000),
            ("10mb", 10_000_000),
            ("2KB", 2000),
            ("1GB", 1_000_000_000),
            ("1TB", 1_000_000_000_000),
        ] {
            assert_eq!(size(text, 0, u64::MAX), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "10M", "1.5GB", "-1MB", "10PB", "99999999TiB"] {
            assert!(size(text, 0, u64::MAX).is_err(), "{text}");
        }
    }

    #[test]
    fn booleans_are_written_as_people_do() {
        for text in ["true", "True", "yes", "on", "1"] {
            assert_eq!(boolean(text), Ok(true), "{text}");
        }
        for text in ["false", "FALSE", "no", "off", "0"] {
            assert_eq!(boolean(text), Ok(false), "{text}");
        }
        assert!(boolean("").is_err() && boolean("2").is_err());
    }

    #[test]
    fn keys_are_never_blank_and_never_quoted() {
        assert_eq!(api_keys("one, two").unwrap().len(), 2);
        for text in ["", "one,", ",", "hemlig nyckel", "schlüssel"] {
            let message = api_keys(text).unwrap_err();
            assert!(
                text.is_empty() || text == "," || !message.contains(text),
                "{message}"
            );
        }
    }

    #[test]
    fn passwords_are_hidden() {
        let hidden = without_password("clickhouse://me:p@ss@host:8123");
        assert_eq!(hidden, "clickhouse://…@host:8123");
        assert_eq!(without_password("sqlite:./a"), "sqlite:./a");
    }
}
