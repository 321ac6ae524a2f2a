//! The terms of a text: what search compares.
//!
//! A term is a run of letters and digits in lower case, without accents; `Übersicht_2.PDF` has `ubersicht`, `2` and `pdf`.
//! Chinese, Japanese and Korean are written without spaces between words, or with endings attached to them, so every two
//! neighboring characters of theirs are a term. A text and its forms in other letter case, width or normalization have the
//! same terms.
//!
//! Terms are stored, so a change here needs all events to be indexed again.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// A longer term is cut to this many bytes: words are shorter, and what is longer (encoded bytes, say) is found by its
/// beginning.
pub(super) const MAX_TERM_BYTES: usize = 64;

const DECOMPOSING: DecomposingNormalizerBorrowed<'static> =
    DecomposingNormalizerBorrowed::new_nfkd();
const COMPOSING: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();

/// Calls `each` with every term of a text, in its order; a term that occurs twice is passed twice.
pub(super) fn for_each(text: &str, each: &mut impl FnMut(&str)) {
    if text.is_ascii() {
        let words = text.split(|it: char| !it.is_ascii_alphanumeric());
        for word in words.filter(|word| !word.is_empty()) {
            each(&cut(word).to_ascii_lowercase());
        }
        return;
    }
    let text = folded(text);
    let mut rest = text.as_str();
    while let Some(start) = rest.find(char::is_alphanumeric) {
        rest = &rest[start..];
        let first = rest.chars().next().unwrap_or_default();
        let is_dense = is_dense(first);
        let in_run = |it: char| it.is_alphanumeric() && self::is_dense(it) == is_dense;
        let end = rest.find(|it| !in_run(it)).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        if is_dense {
            for_each_pair(run, each);
        } else {
            each(cut(run));
        }
        rest = behind;
    }
}

/// Passes on every two neighbors, or the one character that there is.
fn for_each_pair(run: &str, each: &mut impl FnMut(&str)) {
    let ends = |skipped| {
        let characters = run.char_indices().skip(skipped);
        characters.map(|(at, it)| at + it.len_utf8())
    };
    let mut pairs = run.char_indices().zip(ends(1)).peekable();
    if pairs.peek().is_none() {
        each(run);
    }
    for ((start, _), end) in pairs {
        each(&run[start..end]);
    }
}

/// Returns the beginning of a term, up to [`MAX_TERM_BYTES`].
fn cut(term: &str) -> &str {
    &term[..term.floor_char_boundary(MAX_TERM_BYTES)]
}

/// Returns a text in lower case, in compatibility form (`ﬁ` is `fi`, and full width is ordinary width), and without
/// accents. The marks of scripts in which they are letters of their own stay.
fn folded(text: &str) -> String {
    let decomposed = DECOMPOSING.normalize_iter(text.chars());
    let folded = decomposed.filter(|it| !is_accent(*it)).flat_map(lower_case);
    // Puts syllables of Korean together again, and Japanese characters with their marks.
    COMPOSING.normalize_iter(folded).collect()
}

fn lower_case(character: char) -> impl Iterator<Item = char> {
    let character = if character == 'ς' { 'σ' } else { character }; // the same letter at the end of a word
    character.to_lowercase().filter(|it| !is_accent(*it))
}

/// Source: the Unicode Character Database, block Combining Diacritical Marks.
const fn is_accent(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}

/// Tells whether a character is of a script whose words are not separated: Han, Hiragana, Katakana, Bopomofo and Hangul.
/// Source: the Unicode Character Database, blocks.
const fn is_dense(character: char) -> bool {
    matches!(
        character,
        '\u{1100}'..='\u{11ff}' // Hangul Jamo
            | '\u{2e80}'..='\u{2fdf}' // radicals
            | '\u{3005}'..='\u{3007}' // iteration mark, zero
            | '\u{3021}'..='\u{3029}' // numerals
            | '\u{3031}'..='\u{303c}' // repeat marks
            | '\u{3040}'..='\u{318f}' // Hiragana, Katakana, Bopomofo, Hangul Compatibility Jamo
            | '\u{31a0}'..='\u{31ff}' // more of Bopomofo and Katakana
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}' // Han
            | '\u{a960}'..='\u{a97f}'
            | '\u{ac00}'..='\u{d7ff}' // Hangul
            | '\u{f900}'..='\u{faff}' // Han
            | '\u{1aff0}'..='\u{1b16f}' // Kana
            | '\u{20000}'..='\u{3ffff}' // Han
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_TERM_BYTES, for_each};

    fn terms(text: &str) -> Vec<String> {
        let mut terms = Vec::new();
        for_each(text, &mut |term| terms.push(term.to_owned()));
        terms
    }

    #[test]
    fn a_text_is_split_into_words_in_lower_case() {
        for (text, expected) in [
            ("", &[][..]),
            (" .-_\u{1f4c4}", &[]),
            (
                "Anna.Schmidt@example.com",
                &["anna", "schmidt", "example", "com"],
            ),
            ("1.10 -5e3", &["1", "10", "5e3"]),
            ("field_values-changed", &["field", "values", "changed"]),
            ("Übersicht Ångström", &["ubersicht", "angstrom"]),
            ("U\u{308}BERSICHT", &["ubersicht"]),
            ("ﬁle ＡＢＣ１２", &["file", "abc12"]),
            ("ΣΊΣΥΦΟΣ Σίσυφος", &["σισυφοσ", "σισυφοσ"]),
            ("Ёлка İstanbul", &["елка", "istanbul"]),
            ("مرحبا بالعالم", &["مرحبا", "بالعالم"]),
        ] {
            assert_eq!(terms(text), expected, "{text}");
        }
    }

    #[test]
    fn dense_scripts_are_split_into_pairs() {
        for (text, expected) in [
            ("東京タワー", &["東京", "京タ", "タワ", "ワー"][..]),
            ("ﾀﾜｰ", &["タワ", "ワー"]), // half width
            ("がき か", &["がき", "か"]),
            ("안녕하세요", &["안녕", "녕하", "하세", "세요"]),
            ("契約書v2最終", &["契約", "約書", "v2", "最終"]),
            ("𠮷野家", &["𠮷野", "野家"]),
        ] {
            assert_eq!(terms(text), expected, "{text}");
        }
        let decomposed = "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}";
        assert_eq!(terms(decomposed), ["한국"]);
        assert_ne!(terms("かき"), terms("がき"), "a mark that is a letter");
    }

    #[test]
    fn long_terms_are_cut() {
        assert_eq!(terms(&"A".repeat(1000)), ["a".repeat(64)]);
        // The byte in the middle of a character belongs to no term.
        assert_eq!(
            terms(&format!("x{}", "ж".repeat(100))),
            [format!("x{}", "ж".repeat(31))]
        );
    }

    proptest! {
        #[test]
        fn terms_are_short_and_have_the_terms_of_themselves(text in "\\PC{0,40}|[a-zéÄ東京タワ한국. ]{0,40}") {
            for term in terms(&text) {
                prop_assert!(!term.is_empty() && term.len() <= MAX_TERM_BYTES);
                // What a backend splits at is in no term.
                prop_assert!(!term.contains(|it: char| it.is_ascii() && !it.is_ascii_alphanumeric()), "{term}");
                prop_assert!(!term.contains(|it: char| it.is_ascii_uppercase()), "{term}");
            }
        }

        #[test]
        fn letter_case_does_not_matter(text in "[a-zäéñжяωσ0-9 ]{0,40}") {
            prop_assert_eq!(terms(&text.to_uppercase()), terms(&text));
        }
    }
}
