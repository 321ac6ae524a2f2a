//! What kind of content a file has, in the words of HTTP.

use std::fmt;

use crate::domain::Invalid;

/// Longer than any that is registered, parameters included; it travels in a header.
const MAX_BYTES: usize = 255;

/// A media type with or without parameters (RFC 9110, section 8.3.1), as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType(String);

impl ContentType {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_printable = text.bytes().all(|it| matches!(it, b' '..=b'~'));
        let essence = essence(text);
        let is_type = essence
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
        // White space at an end, or doubled, would not survive a header and its signature.
        let is_tidy = text == text.trim() && !text.contains("  ");
        if text.len() <= MAX_BYTES && is_printable && is_type && is_tidy {
            return Ok(Self(text.to_owned()));
        }
        let message = "Input should be a media type, as in 'application/pdf'";
        Err(Invalid::new("media_type", message))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns type and subtype in lower case, without parameters.
    pub fn essence(&self) -> String {
        essence(&self.0).to_ascii_lowercase()
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn essence(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim_end()
}

/// Source: RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::ContentType;

    #[test]
    fn takes_media_types_alone() {
        for text in [
            "application/pdf",
            "text/html; charset=utf-8",
            "Image/SVG+xml",
        ] {
            assert_eq!(ContentType::parse(text).unwrap().as_str(), text);
        }
        let html = ContentType::parse("Text/HTML; charset=utf-8").unwrap();
        assert_eq!(html.essence(), "text/html");
        let long = format!("text/{}", "x".repeat(251));
        for text in [
            "",
            "pdf",
            "/",
            "a/",
            "a/b/c",
            " a/b",
            "a/b ;  c=d",
            "a/b\r\nx: y",
            "a/\u{e4}",
            &long,
        ] {
            assert!(ContentType::parse(text).is_err(), "{text:?}");
        }
    }
}
