//! Parsers of single values. An error says what is wrong with the value, not where it was given.

use std::io::{self, IsTerminal};
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use jiff::{Span, SpanRelativeTo};
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;
use url::Url;

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

/// Parses bytes, written as a number alone or with a unit: `KiB`, `MiB`, `GiB`, `TiB`.
pub(super) fn size(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let malformed = || format!("'{text}' is not a size, as in '100MiB', '2GiB' or '1048576'");
    let digits = text
        .find(|it: char| !it.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let power = match unit.trim_start() {
        "" | "B" => 0,
        "KiB" => 1,
        "MiB" => 2,
        "GiB" => 3,
        "TiB" => 4,
        _ => return Err(malformed()),
    };
    let number: u64 = number.parse().map_err(|_| malformed())?;
    let bytes = number.checked_mul(1024_u64.pow(power));
    bytes
        .filter(|bytes| (min..=max).contains(bytes))
        .ok_or_else(|| format!("'{text}' is not between {min} and {max} bytes"))
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
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

/// Parses the base of the service's own URLs.
pub(super) fn public_url(text: &str) -> Result<Url, String> {
    let url = web_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "'{text}' has a query or a fragment: give the base alone"
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a user name or password does not belong in a public URL".to_owned());
    }
    Ok(url)
}

fn web_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(format!(
            "'{text}' is not a URL that starts with http:// or https://"
        )),
    }
}

/// Parses origins with commas between, into the form in which browsers send them: no slash at the
/// end, no port where it is the scheme's own.
pub(super) fn origins(text: &str) -> Result<Vec<String>, String> {
    text.split(',')
        .map(|origin| self::origin(origin.trim()))
        .collect()
}

fn origin(text: &str) -> Result<String, String> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    if text.contains('*') {
        return Err(format!(
            "'{text}' is not an origin: '*' stands for all of them, or none"
        ));
    }
    let url = web_url(text)?;
    let origin = url.origin().ascii_serialization();
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "'{text}' is not an origin: that is its beginning, '{origin}'"
        ));
    }
    Ok(origin)
}

/// Parses networks and single addresses with commas between.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |it: &str| {
        let it = it.trim();
        let single = it.parse::<IpAddr>().map(IpNet::from);
        single.or_else(|_| it.parse()).map_err(|_| {
            format!("'{it}' is not a network or an address, as in '10.0.0.0/8' or '192.0.2.7'")
        })
    };
    text.split(',').map(network).collect()
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

    use super::{api_keys, duration, networks, origins, public_url, without_password};

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
    fn origins_are_written_as_browsers_send_them() {
        let parsed = origins("https://App.example.com:443/, http://localhost:3000,*").unwrap();
        assert_eq!(
            parsed,
            ["https://app.example.com", "http://localhost:3000", "*"]
        );
        for text in [
            "",
            "app.example.com",
            "https://a/b",
            "https://a,",
            "https://*.example.com",
        ] {
            assert!(origins(text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks_may_be_single_addresses() {
        let parsed = networks("10.0.0.0/8, 192.0.2.7,fd00::/8").unwrap();
        let parsed: Vec<_> = parsed.iter().map(ToString::to_string).collect();
        assert_eq!(parsed, ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]);
        for text in ["", "10.0.0.0/33", "proxy.example.com", "10.0.0.0/8,"] {
            assert!(networks(text).is_err(), "{text}");
        }
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
    fn public_urls_are_bases() {
        assert!(public_url("https://history.example.com/base").is_ok());
        for text in [
            "history.example.com",
            "ftp://x",
            "https://x?y=1",
            "https://x#y",
            "https://u:p@x",
        ] {
            assert!(public_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn passwords_are_hidden() {
        let hidden = without_password("clickhouse://me:p@ss@host:8123");
        assert_eq!(hidden, "clickhouse://…@host:8123");
        assert_eq!(without_password("sqlite:./a"), "sqlite:./a");
    }
}
