//! Conditional and partial reads, by RFC 9110 (sections 13 and 14) and S3.
//!
//! Ignores what RFC 9110 says to ignore: dates that are none, other units, invalid ranges, several ranges.

use std::ops;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use s3s::dto::{ETag, Timestamp, TimestampFormat};
use s3s::{S3Error, S3ErrorCode, S3Result};

use crate::objects::embedded::disk::object::Metadata;
use crate::objects::embedded::s3_api::request::s3_errors::{error, with_header, with_message};

/// The entity tags of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EntityTags {
    /// `*`.
    Any,
    /// Without quotes, and whether each is weak.
    These(Vec<(bool, String)>),
}

impl EntityTags {
    /// Reads all lines of a header. Tags without quotes are accepted: S3's clients send them.
    pub(super) fn parse(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let lines: Vec<_> = headers.get_all(name).iter().collect();
        if lines.is_empty() {
            return None;
        }
        let text = |line: &HeaderValue| String::from_utf8_lossy(line.as_bytes()).into_owned();
        let text: Vec<_> = lines.into_iter().map(text).collect();
        let text = text.join(",");
        let mut tags = Vec::new();
        let mut rest = text.as_str();
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return Some(Self::These(tags));
            }
            let (is_weak, tag) = match rest.strip_prefix("W/") {
                Some(tag) => (true, tag),
                None => (false, rest),
            };
            let (tag, after) = match tag.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => tag.split_once(',').unwrap_or((tag, "")),
            };
            if tag == "*" && rest.starts_with('*') {
                return Some(Self::Any);
            }
            tags.push((is_weak, tag.trim_end().to_owned()));
            rest = after;
        }
    }

    pub(super) fn strongly_match(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(|(is_weak, tag)| !is_weak && tag == etag),
        }
    }

    fn weakly_match(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(|(_, tag)| tag == etag),
        }
    }
}

/// Returns 412 or 304 if the object does not meet the preconditions of a read. An entity tag takes precedence
/// over a date.
pub(super) fn check(
    headers: &HeaderMap,
    metadata: &Metadata,
    modified_at: &Timestamp,
) -> S3Result<()> {
    let tags = |name: HeaderName| EntityTags::parse(headers, &name);
    let etag = &metadata.md5;
    let modified_at_s = i64::try_from(metadata.modified_at_s).unwrap_or(i64::MAX);
    let is_unchanged = match tags(header::IF_MATCH) {
        Some(wanted) => wanted.strongly_match(etag),
        None => date(headers, &header::IF_UNMODIFIED_SINCE).is_none_or(|it| modified_at_s <= it),
    };
    if !is_unchanged {
        return Err(error(S3ErrorCode::PreconditionFailed));
    }
    let is_changed = match tags(header::IF_NONE_MATCH) {
        Some(known) => !known.weakly_match(etag),
        None => date(headers, &header::IF_MODIFIED_SINCE).is_none_or(|it| modified_at_s > it),
    };
    if !is_changed {
        return Err(not_modified(&ETag::Strong(etag.clone()), modified_at));
    }
    Ok(())
}

/// Returns a date in seconds since 1970; `None` if it was not sent or is none.
/// Source: RFC 9110, section 5.6.7, and days of one digit, which clients send.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    const FORMATS: [&str; 3] = [
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
    ];
    let mut lines = headers.get_all(name).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return None;
    };
    let text = line.to_str().ok()?.trim();
    let mut parsed = FORMATS.iter().map(|it| DateTime::strptime(it, text));
    let time = parsed.find_map(Result::ok)?.to_zoned(TimeZone::UTC).ok()?;
    Some(time.timestamp().as_second())
}

fn not_modified(etag: &ETag, modified_at: &Timestamp) -> S3Error {
    let mut headers = HeaderMap::new();
    if let Ok(etag) = etag.to_http_header() {
        headers.insert(header::ETAG, etag);
    }
    let mut date = Vec::new();
    if modified_at
        .format(TimestampFormat::HttpDate, &mut date)
        .is_ok()
        && let Ok(date) = HeaderValue::from_bytes(&date)
    {
        headers.insert(header::LAST_MODIFIED, date);
    }
    let mut answer = error(S3ErrorCode::NotModified);
    answer.set_headers(headers);
    answer
}

/// The bytes of an object that a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selection {
    /// `None`: all of them.
    pub range: Option<ops::Range<u64>>,
    /// The number of parts, if the request names one of an object in parts.
    pub parts_count: Option<i32>,
}

impl Selection {
    /// Selects by `Range` or by the parameter `partNumber`.
    pub(super) fn new(
        headers: &HeaderMap,
        part_number: Option<&str>,
        metadata: &Metadata,
    ) -> S3Result<Self> {
        match part_number {
            None => Ok(Self {
                range: range(headers, metadata)?,
                parts_count: None,
            }),
            Some(_) if headers.contains_key(header::RANGE) => {
                let message = "Cannot specify both Range header and partNumber query parameter";
                Err(with_message(S3ErrorCode::InvalidRequest, message))
            }
            Some(number) => Self::part(number, metadata),
        }
    }

    /// Selects a part by its place, from 1. An object that was not uploaded in parts has one.
    fn part(number: &str, metadata: &Metadata) -> S3Result<Self> {
        let index = number.parse::<u16>().ok();
        let index = index.filter(|it| (1..=10_000).contains(it));
        let index = index.map(|it| usize::from(it) - 1).ok_or_else(|| {
            let message = "Part number must be an integer between 1 and 10000, inclusive";
            with_message(S3ErrorCode::InvalidArgument, message)
        })?;
        let files = metadata.parts.as_ref().map(|parts| &parts.files);
        let whole = [(1, metadata.size_bytes)];
        let sizes = files.map_or(&whole[..], Vec::as_slice);
        let Some((_, size_bytes)) = sizes.get(index) else {
            let code = S3ErrorCode::Custom("InvalidPartNumber".into());
            let mut refusal = with_message(code, "The requested partnumber is not satisfiable");
            refusal.set_status_code(StatusCode::RANGE_NOT_SATISFIABLE);
            return Err(refusal);
        };
        let start: u64 = sizes[..index]
            .iter()
            .map(|(_, size_bytes)| size_bytes)
            .sum();
        Ok(Self {
            range: (*size_bytes > 0).then(|| start..start + size_bytes),
            parts_count: files.and_then(|files| i32::try_from(files.len()).ok()),
        })
    }

    pub(super) fn content_range(&self, metadata: &Metadata) -> Option<String> {
        let range = self.range.as_ref()?;
        let last = range.end - 1;
        Some(format!(
            "bytes {}-{last}/{}",
            range.start, metadata.size_bytes
        ))
    }

    pub(super) fn length(&self, metadata: &Metadata) -> Option<i64> {
        let range = self.range.as_ref();
        let length = range.map_or(metadata.size_bytes, |it| it.end - it.start);
        i64::try_from(length).ok()
    }
}

/// Returns the requested range; `None` for the whole object, also if `If-Range` names another version: the
/// client would append a range of this one to bytes of that one.
fn range(headers: &HeaderMap, metadata: &Metadata) -> S3Result<Option<ops::Range<u64>>> {
    let mut lines = headers.get_all(header::RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Ok(None);
    };
    let etag = format!("\"{}\"", metadata.md5);
    let version = headers.get(header::IF_RANGE);
    if version.is_some_and(|version| version.as_bytes() != etag.as_bytes()) {
        return Ok(None);
    }
    let Some((first, last)) = line.to_str().ok().and_then(parse_range) else {
        return Ok(None);
    };
    let size_bytes = metadata.size_bytes;
    let selected = match (first, last) {
        (Some(first), last) => first..last.map_or(size_bytes, |it| it.saturating_add(1)),
        (None, length) => size_bytes.saturating_sub(length.unwrap_or_default())..size_bytes,
    };
    let selected = selected.start..selected.end.min(size_bytes);
    if selected.is_empty() {
        return Err(not_satisfiable(size_bytes));
    }
    Ok(Some(selected))
}

/// Parses a single range of bytes: first and last, or no first and the length of a suffix. `None` for anything else.
/// Source: RFC 9110, section 14.1.2.
fn parse_range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, ranges) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut ranges = ranges.split(',').map(str::trim).filter(|it| !it.is_empty());
    let (Some(range), None) = (ranges.next(), ranges.next()) else {
        return None;
    };
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        // A number that is too large is one past the end.
        is_number.then(|| (!text.is_empty()).then(|| text.parse().unwrap_or(u64::MAX)))
    };
    match (number(first)?, number(last)?) {
        (None, None) => None,
        (Some(first), Some(last)) if last < first => None,
        range => Some(range),
    }
}

fn not_satisfiable(size_bytes: u64) -> S3Error {
    let size = HeaderValue::try_from(format!("bytes */{size_bytes}"));
    size.map_or_else(
        |_| error(S3ErrorCode::InvalidRange),
        |size| with_header(S3ErrorCode::InvalidRange, header::CONTENT_RANGE, size),
    )
}

#[cfg(test)]
mod tests {
    use http::header::{IF_MATCH, IF_MODIFIED_SINCE};
    use http::{HeaderMap, HeaderValue};

    use super::{EntityTags, date, parse_range};

    #[test]
    fn dates_of_all_forms_are_one() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            let value = HeaderValue::from_static(text);
            let headers = HeaderMap::from_iter([(IF_MODIFIED_SINCE, value)]);
            let found = date(&headers, &IF_MODIFIED_SINCE);
            assert_eq!(found, Some(784_111_777), "{text}");
        }
        for text in ["", "yesterday", "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994"] {
            let value = HeaderValue::from_static(text);
            let headers = HeaderMap::from_iter([(IF_MODIFIED_SINCE, value)]);
            assert_eq!(date(&headers, &IF_MODIFIED_SINCE), None, "{text}");
        }
    }

    #[test]
    fn tags_come_in_lists_and_lines() {
        let mut headers = HeaderMap::new();
        assert_eq!(EntityTags::parse(&headers, &IF_MATCH), None);
        headers.append(IF_MATCH, HeaderValue::from_static("\"a,b\" , W/\"c\",d"));
        headers.append(IF_MATCH, HeaderValue::from_static("\"*\""));
        let tags = EntityTags::parse(&headers, &IF_MATCH).unwrap();
        for (etag, is_strong, is_weak) in [
            ("a,b", true, true),
            ("c", false, true),
            ("d", true, true),
            ("*", true, true),
            ("a", false, false),
        ] {
            assert_eq!(tags.strongly_match(etag), is_strong, "{etag}");
            assert_eq!(tags.weakly_match(etag), is_weak, "{etag}");
        }
        headers.insert(IF_MATCH, HeaderValue::from_static(" *"));
        assert_eq!(
            EntityTags::parse(&headers, &IF_MATCH),
            Some(EntityTags::Any)
        );
    }

    #[test]
    fn only_single_valid_ranges_are_ranges() {
        for (text, expected) in [
            ("bytes=0-1", Some((Some(0), Some(1)))),
            ("Bytes= ,5- ,", Some((Some(5), None))),
            ("bytes=-7", Some((None, Some(7)))),
            (
                "bytes=1-99999999999999999999",
                Some((Some(1), Some(u64::MAX))),
            ),
            ("items=0-1", None),
            ("bytes=5-2", None),
            ("bytes=0-1,3-4", None),
            ("bytes=-", None),
            ("bytes=+1-2", None),
            ("bytes", None),
        ] {
            assert_eq!(parse_range(text), expected, "{text}");
        }
    }
}
