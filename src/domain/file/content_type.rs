//! Media types.

use std::fmt;

use crate::domain::Invalid;

/// Longer than any registered type with its parameters.
const MAX_BYTES: usize = 255;

/// Types that browsers display and never execute.
const DISPLAYABLE: [&str; 15] = [
    "application/json",
    "application/pdf",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "image/avif",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/plain",
    "video/mp4",
    "video/webm",
];

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
        // Leading, trailing or repeated white space would not survive a header and its signature.
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

    /// Tells whether browsers display this type and never execute it.
    pub fn is_displayable(&self) -> bool {
        DISPLAYABLE.contains(&&*self.essence())
    }

    /// Tells whether browsers might execute this type, or render it as a page.
    pub fn is_executable(&self) -> bool {
        let essence = self.essence();
        let (kind, subtype) = essence.split_once('/').unwrap_or_default();
        matches!(kind, "multipart" | "message")
            || matches!(subtype, "css" | "x-mixed-replace" | "hta")
            || ["xml", "html", "script", "wasm", "flash"]
                .iter()
                .any(|part| subtype.contains(part))
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
    fn parses_media_types_only() {
        for text in [
            "application/pdf",
            "text/html; charset=utf-8",
            "Image/SVG+xml",
        ] {
            assert_eq!(ContentType::parse(text).unwrap().as_str(), text);
        }
        let html = ContentType::parse("Text/HTML; charset=utf-8").unwrap();
        assert_eq!(html.essence(), "text/html");
        assert!(html.is_executable() && !html.is_displayable());
        let xhtml = ContentType::parse("application/xhtml+xml").unwrap();
        assert!(xhtml.is_executable());
        assert!(!ContentType::parse("text/plain").unwrap().is_executable());
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
