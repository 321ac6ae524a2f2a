//! Texts that others wrote, made safe for a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns the text in one line, with characters that a terminal acts upon or that reorder text written as escapes.
pub(in crate::cli) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_active) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if is_active(character) => _ = write!(shown, "\\u{{{:x}}}", u32::from(character)),
            _ => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// Returns a JSON text of the same value in which a terminal acts upon no character. (JSON itself escapes only the ones below
/// U+0020, and all others occur in strings alone.)
pub(in crate::cli) fn inert_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_active) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 8);
    for character in json.chars() {
        if is_active(character) {
            _ = write!(shown, "\\u{:04x}", u32::from(character)); // all are below U+10000
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Control characters, and those that change the direction or the lines of a text.
fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{inert_json, visible};

    #[test]
    fn nothing_acts_upon_the_terminal() {
        let hostile = "a\u{1b}[2J\u{9b}31m\u{202e}b\n\t\u{7f}é漢";
        let shown = visible(hostile);
        assert_eq!(shown, "a\\u{1b}[2J\\u{9b}31m\\u{202e}b\\n\\t\\u{7f}é漢");
        assert_eq!(visible("é漢 \u{200d}"), "é漢 \u{200d}");
        let json = serde_json::to_string(hostile).unwrap();
        let inert = inert_json(&json);
        assert!(!inert.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{7f}']));
        assert_eq!(serde_json::from_str::<String>(&inert).unwrap(), hostile);
    }
}
