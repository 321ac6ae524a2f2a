//! Reads the paths out of Rust source: enough of its grammar to know who names whom.

use std::collections::HashMap;
use std::iter;

/// A path that a file names, from the crate's root or from another crate's.
#[derive(Debug, PartialEq)]
pub(super) struct Named {
    pub(super) line: usize,
    pub(super) path: String,
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Separator, // `::`
    Open,
    Close,
    Comma,
    Other,
}

/// A path as it is written, and the name it goes by from there on (`use … as name`).
#[derive(Debug)]
struct Written {
    line: usize,
    segments: Vec<String>,
    alias: String,
}

/// Returns every path of two or more parts in `source`, comments and text literals aside: braces
/// expanded, `self` and `super` resolved, names that an own import brought in written out.
pub(super) fn paths(file: &str, source: &str) -> Vec<Named> {
    let tokens = tokens(&code_only(source));
    let mut written = Vec::new();
    let mut place = 0;
    while place < tokens.len() {
        place = match &tokens[place].1 {
            Token::Word(_) => read_path(&tokens, place, &[], &mut written),
            _ => place + 1,
        };
    }
    let module = module_of(file);
    let mut imported: HashMap<String, Vec<String>> = HashMap::new();
    for Written {
        segments, alias, ..
    } in &written
    {
        let own = resolve(segments, &module);
        if own.len() > 1 && own[0] == "crate" {
            imported.insert(alias.clone(), own);
        }
    }
    let mut named = Vec::new();
    for Written { line, segments, .. } in written {
        let mut path = resolve(&segments, &module);
        if path.len() < 2 {
            continue;
        }
        if let Some(own) = imported.get(&path[0]) {
            path.splice(..1, own.iter().cloned());
        }
        named.push(Named {
            line,
            path: path.join("::"),
        });
    }
    named
}

/// Reads one path from a word on, and returns the place behind it. A group in braces is several.
fn read_path(
    tokens: &[(usize, Token)],
    place: usize,
    prefix: &[String],
    written: &mut Vec<Written>,
) -> usize {
    let mut segments = prefix.to_vec();
    let mut place = place;
    let line = tokens[place].0;
    while let Some((_, Token::Word(word))) = tokens.get(place) {
        segments.push(word.clone());
        place += 1;
        if !matches!(tokens.get(place), Some((_, Token::Separator))) {
            break;
        }
        place += 1;
        match tokens.get(place) {
            Some((_, Token::Open)) => return read_group(tokens, place + 1, &segments, written),
            Some((_, Token::Other)) => segments.push("*".to_owned()), // a glob, or a turbofish
            _ => {}
        }
    }
    if segments.last().is_some_and(|last| last == "self") && segments.len() > 1 {
        segments.pop(); // `path::{self}` is `path`
    }
    let mut alias = segments.last().cloned().unwrap_or_default();
    if let [(_, Token::Word(word)), (_, Token::Word(name)), ..] = &tokens[place..]
        && word == "as"
    {
        alias.clone_from(name);
        place += 2;
    }
    written.push(Written {
        line,
        segments,
        alias,
    });
    place
}

fn read_group(
    tokens: &[(usize, Token)],
    place: usize,
    prefix: &[String],
    written: &mut Vec<Written>,
) -> usize {
    let mut place = place;
    while place < tokens.len() {
        place = match &tokens[place].1 {
            Token::Close => return place + 1,
            Token::Word(_) => read_path(tokens, place, prefix, written),
            Token::Other => {
                let segments = prefix
                    .iter()
                    .cloned()
                    .chain(iter::once("*".to_owned()))
                    .collect();
                written.push(Written {
                    line: tokens[place].0,
                    segments,
                    alias: "*".to_owned(),
                });
                place + 1
            }
            Token::Separator | Token::Open | Token::Comma => place + 1,
        };
    }
    place
}

/// Returns the module that a file under `src/` is, from the crate's root.
pub(super) fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    let own = path
        .split('/')
        .filter(|part| !matches!(*part, "lib" | "main"));
    iter::once("crate").chain(own).map(str::to_owned).collect()
}

/// Writes out where a path starts; one that starts elsewhere stays as it is.
fn resolve(segments: &[String], module: &[String]) -> Vec<String> {
    let mut base: Vec<String> = match segments[0].as_str() {
        "crate" | "event_history" => vec!["crate".to_owned()],
        "self" => module.to_vec(),
        "super" => parent(module),
        _ => return segments.to_vec(),
    };
    let mut rest = &segments[1..];
    while let [first, more @ ..] = rest
        && first == "super"
    {
        base = parent(&base);
        rest = more;
    }
    base.extend_from_slice(rest);
    base
}

fn parent(module: &[String]) -> Vec<String> {
    module[..module.len().saturating_sub(1).max(1)].to_vec()
}

fn tokens(code: &str) -> Vec<(usize, Token)> {
    let mut tokens = Vec::new();
    let mut rest = code;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let (token, length) = if is_word(first) {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            (Some(Token::Word(rest[..length].to_owned())), length)
        } else if rest.starts_with("::") {
            (Some(Token::Separator), 2)
        } else {
            let token = match first {
                '{' => Some(Token::Open),
                '}' => Some(Token::Close),
                ',' => Some(Token::Comma),
                _ if first.is_whitespace() => None,
                _ => Some(Token::Other),
            };
            (token, first.len_utf8())
        };
        tokens.extend(token.map(|token| (line, token)));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// Returns the source with comments, text and character literals blanked, line by line the same.
fn code_only(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    let mut in_word = false;
    while let Some(first) = rest.chars().next() {
        let skipped = skipped_length(rest, in_word);
        if skipped == 0 {
            code.push(first);
            in_word = first.is_alphanumeric() || first == '_';
            rest = &rest[first.len_utf8()..];
        } else {
            code.push(' ');
            code.extend(rest[..skipped].matches('\n'));
            in_word = false;
            rest = &rest[skipped..];
        }
    }
    code
}

/// Returns the length of the comment or literal that `rest` starts with; 0 if it starts with code.
fn skipped_length(rest: &str, in_word: bool) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment_length(rest);
    }
    if rest.starts_with('"') {
        return quoted_length(rest, '"');
    }
    let raw = rest
        .strip_prefix("br")
        .or_else(|| rest.strip_prefix('r'))
        .filter(|_| !in_word);
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = rest.len() - raw.len() + hashes + 1;
            return rest[start..]
                .find(&end)
                .map_or(rest.len(), |at| start + at + end.len());
        }
    }
    let mut after_quote = rest.chars().skip(1);
    match (
        rest.starts_with('\''),
        after_quote.next(),
        after_quote.next(),
    ) {
        (true, Some('\\'), _) | (true, Some(_), Some('\'')) => quoted_length(rest, '\''),
        _ => 0, // a lifetime, or code
    }
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}
