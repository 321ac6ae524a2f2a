//! Names of files: displayed and forwarded, never used as a path.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::domain::Invalid;

/// The bytes of an extended parameter value that stand for themselves.
/// Source: RFC 8187, section 3.2.1, `attr-char`.
const ENCODED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// A file's name in any script: 1 to 255 bytes of UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// The limit of common file systems.
    pub const MAX_BYTES: usize = 255;

    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            let message = "String should have at least 1 character";
            return Err(Invalid::new("string_too_short", message));
        }
        if text.len() > Self::MAX_BYTES {
            let message = format!("String should have at most {} bytes", Self::MAX_BYTES);
            return Err(Invalid::new("string_too_long", message));
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name in ASCII, for a header; [`FileName::from_header`] reads it back.
    pub fn to_header(&self) -> String {
        utf8_percent_encode(&self.0, &ENCODED).to_string()
    }

    /// Reads what [`FileName::to_header`] wrote; `None` for whatever it never writes.
    pub fn from_header(text: &str) -> Option<Self> {
        let name = percent_decode_str(text).decode_utf8().ok()?;
        Self::parse(&name).ok()
    }

    /// Returns a name for a local file, which contains no path, is not hidden and is displayed as what it is: leading
    /// dots become `_`, and so do separators, control characters, and characters that break or reorder lines.
    pub fn to_local(&self) -> String {
        let mut is_leading = true;
        let local = self.0.chars().map(|it| {
            is_leading &= it == '.';
            let is_harmful =
                it.is_control() || matches!(it, '/' | '\\') || is_layout(it) || is_leading;
            if is_harmful { '_' } else { it }
        });
        local.collect()
    }

    /// Returns the value of `Content-Disposition` that carries the name; `kind` is `inline` or
    /// `attachment`. Sources: RFC 6266, sections 4.3 and 5; RFC 8187, section 3.2.
    pub fn disposition(&self, kind: &str) -> String {
        let local = self.to_local();
        let plain = |it: char| (it.is_ascii_graphic() || it == ' ') && !matches!(it, '"' | '%');
        let fallback: String = local
            .chars()
            .map(|it| if plain(it) { it } else { '_' })
            .collect();
        let mut value = format!("{kind}; filename=\"{fallback}\"");
        if fallback != local {
            // Writing to a String cannot fail.
            let _ = write!(
                value,
                "; filename*=UTF-8''{}",
                utf8_percent_encode(&local, &ENCODED)
            );
        }
        value
    }
}

/// Tells whether a character only breaks a line or sets the direction of text, in which `fdp.exe` reads as `exe.pdf`.
/// Source: the Unicode Character Database, properties `Bidi_Control` and `Line_Break=BK`.
fn is_layout(character: char) -> bool {
    matches!(
        character,
        '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::FileName;

    fn name(text: &str) -> FileName {
        FileName::parse(text).unwrap()
    }

    #[test]
    fn names_any_file() {
        let plain = name("report 1.pdf");
        assert_eq!(
            plain.disposition("inline"),
            "inline; filename=\"report 1.pdf\""
        );
        assert_eq!(
            name("Übersicht \"a\".pdf").disposition("attachment"),
            "attachment; filename=\"_bersicht _a_.pdf\"; \
             filename*=UTF-8''%C3%9Cbersicht%20%22a%22.pdf"
        );
        assert_eq!(name("../../etc/passwd").to_local(), "___.._etc_passwd");
        assert_eq!(name(".bashrc").to_local(), "_bashrc");
        assert_eq!(name("...a.b").to_local(), "___a.b");
        assert_eq!(name("a\u{202e}fdp.exe").to_local(), "a_fdp.exe");
        assert_eq!(name("\u{2066}.a\u{200f}").to_local(), "_.a_");
        assert_eq!(
            name("\u{5d0}\u{200d}\u{5d1}").to_local(),
            "\u{5d0}\u{200d}\u{5d1}"
        );
        assert_eq!(name("..").to_local(), "__");
        assert_eq!(name("a\r\nX-Y: z").to_local(), "a__X-Y: z");
        assert!(FileName::parse("").is_err());
        assert!(FileName::parse(&"x".repeat(256)).is_err());
    }

    proptest! {
        #[test]
        fn a_header_carries_any_name(text in "\\PC{1,60}|[\\s\\S]{1,60}") {
            prop_assume!(text.len() <= FileName::MAX_BYTES);
            let name = name(&text);
            let header = name.to_header();
            prop_assert!(header.bytes().all(|it| it.is_ascii_graphic()));
            prop_assert_eq!(FileName::from_header(&header), Some(name.clone()));
            let shown = name.disposition("attachment");
            prop_assert!(shown.bytes().all(|it| matches!(it, b' '..=b'~')));
            prop_assert_eq!(shown.matches('"').count(), 2);
        }
    }
}
