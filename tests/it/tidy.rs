//! Holds the arrows of ARCHITECTURE.md against the source, as text: who may name whom.

mod folders;
mod foreign_names;
mod rules;
mod scan;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rules::{RESERVED, RULES, Rule};
use scan::Named;

/// Style asks for under 400; a file that is whole and clear may have a little more.
const MAX_LINES: usize = 450;

#[test]
fn the_arrows_of_the_architecture_hold() {
    let mut found = Vec::new();
    for (file, source) in rust_files("src") {
        found.extend(violations(&file, &source));
    }
    assert!(
        found.is_empty(),
        "{} violations:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn files_stay_readable_at_one_sitting() {
    for folder in ["src", "tests", "benches"] {
        for (file, source) in rust_files(folder) {
            let lines = source.lines().count();
            assert!(
                lines <= MAX_LINES,
                "{folder}/{file} has {lines} lines: split it"
            );
        }
    }
}

/// Whoever runs the binary may have nothing else of this repository.
#[test]
fn no_message_refers_to_a_file_of_the_repository() {
    for (file, source) in rust_files("src") {
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        let refers = |line: &&str| {
            !line.trim_start().starts_with("//") && line.contains("docs/") && line.contains(".md")
        };
        assert_eq!(code.lines().find(refers), None, "src/{file}");
    }
}

/// More files than this in one folder are hard to choose from.
const MAX_FILES: usize = 12;

#[test]
fn folders_stay_small() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (file, _) in rust_files("src") {
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        *counts.entry(folder.to_owned()).or_default() += 1;
    }
    counts.retain(|_, count| *count > MAX_FILES);
    assert!(counts.is_empty(), "too many files in {counts:?}");
}

#[test]
fn folders_do_not_import_each_other() {
    assert_no_cycles(&folders::edges(&rust_files("src"), folders::folder_of));
}

#[test]
fn files_do_not_import_each_other() {
    assert_no_cycles(&folders::edges(&rust_files("src"), folders::module_of));
}

fn assert_no_cycles(edges: &folders::Edges) {
    let cycles = folders::cycles(edges);
    let is_within = |from: &str, to: &str| {
        let mut cycles = cycles.iter();
        cycles.any(|cycle| cycle.contains(&from) && cycle.contains(&to))
    };
    let imports: Vec<_> = edges
        .iter()
        .filter(|((from, to), _)| is_within(from, to))
        .map(|((from, to), import)| format!("{from} -> {to}: {import}"))
        .collect();
    assert!(cycles.is_empty(), "{cycles:?}\n{}", imports.join("\n"));
}

#[test]
fn a_planted_cycle_is_found() {
    let files = [
        ("a/mod.rs", "mod x; use crate::b::B;"),
        ("a/x.rs", "use super::A;"),
        ("b/mod.rs", "use crate::c::deep::C;"),
        ("c/deep.rs", "use crate::{a::x::X, domain::D};"),
        (
            "domain/mod.rs",
            "use std::fmt;\n#[cfg(test)]\nmod tests { use crate::a::A; }",
        ),
    ];
    let files = files.map(|(file, source)| (file.to_owned(), source.to_owned()));
    let by_folder = folders::edges(&files, folders::folder_of);
    let cycles: Vec<_> = folders::cycles(&by_folder).into_iter().collect();
    assert_eq!(cycles, [["a", "b", "c"]]);
    let by_file = folders::edges(&files, folders::module_of);
    assert!(folders::cycles(&by_file).is_empty(), "{by_file:?}");
}

/// Every arrow, crossed on purpose in each way that Rust has of writing a path.
#[test]
fn a_planted_violation_is_found() {
    for (file, source) in [
        ("domain/event/mod.rs", "use tokio::sync::Mutex;"),
        ("domain/tenant.rs", "fn save(c: &rusqlite::Connection) {}"),
        ("domain/query.rs", "use crate::store::Page;"),
        (
            "domain/query.rs",
            "use crate::{domain::Event, store::Page};",
        ),
        ("domain/query.rs", "use super::super::store::Page;"),
        (
            "domain/query.rs",
            "fn page() -> ::axum::Router { panic!() }",
        ),
        ("service/mod.rs", "use http::Method;"),
        ("service/mod.rs", "use crate::store::sqlite::Sqlite;"),
        (
            "service/mod.rs",
            "use crate::store; fn f() { store::open(); }",
        ),
        (
            "service/mod.rs",
            "use crate::store::{self, Store}; fn f() { store::sqlite::f(); }",
        ),
        (
            "service/mod.rs",
            "use crate::store as backend; fn f() { backend::open(); }",
        ),
        ("service/mod.rs", "use crate::store::*;"),
        ("service/files.rs", "use crate::objects::{Objects, s3};"),
        ("jobs/copy/mod.rs", "use crate::store::{Store, sqlite};"),
        ("jobs/copy/mod.rs", "use indicatif::ProgressBar;"),
        ("jobs/copy/files.rs", "use crate::jobs::sweep::run;"),
        ("jobs/fsck.rs", "use super::Progress;"),
        ("client/mod.rs", "use indicatif::ProgressBar;"),
        ("client/upload.rs", "use crate::objects::PresignedUrl;"),
        (
            "service/files.rs",
            "fn f<'a>(c: char) -> bool { c == '\"' && crate::http::f() }",
        ),
        ("http/mod.rs", "use crate::objects::Objects;"),
        ("http/server/mod.rs", "use crate::http::state::AppState;"),
        (
            "http/responses/mod.rs",
            "use crate::http::extractors::Problems;",
        ),
        (
            "http/handlers/history.rs",
            "use crate::service::Access; use crate::store::Error;",
        ),
        ("store/mod.rs", "pub use rusqlite::Connection;"),
        ("store/sqlite/mod.rs", "use crate::service::Access;"),
        ("objects/s3/client.rs", "use crate::config::Config;"),
        (
            "objects/embedded/disk/object/writer.rs",
            "use s3s::S3Result;",
        ),
        (
            "objects/embedded/disk/recovery.rs",
            "use crate::objects::embedded::s3_api::Adapter;",
        ),
        (
            "objects/embedded/disk/folder/mod.rs",
            "use super::super::super::s3_api::Adapter;",
        ),
        ("config/mod.rs", "use crate::objects::embedded;"),
        ("app.rs", "use crate::cli::Arguments;"),
        ("app.rs", "let status = axum::http::StatusCode::OK;"),
        (
            "objects/s3/client.rs",
            "let key = std::env::var(\"AWS_ACCESS_KEY_ID\");",
        ),
        ("objects/s3/client.rs", "use std::{env, fs};"),
        ("main.rs", "use event_history::store;"),
        ("helpers/mod.rs", "fn help() {}"),
    ] {
        assert!(!violations(file, source).is_empty(), "{file}: {source}");
    }
}

/// What looks like a violation and is none.
#[test]
fn what_is_allowed_is_not_found() {
    for (file, source) in [
        (
            "domain/event/mod.rs",
            "// tokio::sync is not for here\nuse super::EventId;",
        ),
        (
            "domain/event/mod.rs",
            "/* use axum::Router; /* nested */ rusqlite:: */ use serde::Serialize;",
        ),
        (
            "domain/event/mod.rs",
            "const TEXT: &str = \"use crate::store::Page; // \\\" axum::\";",
        ),
        (
            "domain/event/mod.rs",
            "const TEXT: &str = r#\"crate::http::\"x\" axum::\"#; type T = u8;",
        ),
        (
            "domain/event/mod.rs",
            "fn f<'a>(c: char, t: &'a str) -> bool { c == '\\'' || c == '\"' }",
        ),
        (
            "service/mod.rs",
            "use crate::store::{self, Store}; fn f() -> store::Error { panic!() }",
        ),
        (
            "http/handlers/history.rs",
            "use http::StatusCode; use crate::service::Access;",
        ),
        (
            "store/sqlite/mod.rs",
            "use rusqlite::Connection; use crate::store::Store;",
        ),
        (
            "app.rs",
            "use crate::http::{self, AppState}; fn f() { http::router(); }",
        ),
        (
            "config/mod.rs",
            "use crate::objects; fn f(l: objects::Location) { std::env::vars_os(); }",
        ),
    ] {
        assert_eq!(
            violations(file, source),
            Vec::<String>::new(),
            "{file}: {source}"
        );
    }
}

/// Returns what a file under `src/` names and may not, one line for each.
fn violations(file: &str, source: &str) -> Vec<String> {
    let Some(rule) = RULES.iter().find(|rule| is_in(file, rule.part)) else {
        return vec![format!(
            "src/{file} is in no part that ARCHITECTURE.md has a rule for"
        )];
    };
    let mut found = Vec::new();
    for Named { line, path } in scan::paths(file, source) {
        let allowed = match path.strip_prefix("crate::") {
            Some(own) => may_name(rule, own),
            None => !rule.never.iter().any(|never| starts_with(&path, never)),
        };
        let reserved = RESERVED.iter().any(|(name, parts)| {
            format!("::{path}::").contains(&format!("::{name}::"))
                && !parts.iter().any(|part| is_in(file, part))
        });
        if !allowed || reserved {
            found.push(format!(
                "src/{file}:{line}: {} may not name {path}",
                rule.part
            ));
        }
    }
    found
}

fn may_name(rule: &Rule, own: &str) -> bool {
    let module = own.split("::").next().unwrap_or(own);
    let is_a_part = RULES.iter().any(|rule| rule.part == module);
    // A module on the way to something allowed: what the file then takes from it is looked at itself.
    let on_the_way = |may: &str| starts_with(may, own);
    !is_a_part
        || rule
            .may
            .iter()
            .any(|may| starts_with(own, may) || on_the_way(may))
}

/// Tells whether a path is another one, or below it.
fn starts_with(path: &str, prefix: &str) -> bool {
    let rest = path.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn is_in(file: &str, part: &str) -> bool {
    let rest = file.strip_prefix(part);
    rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Returns the Rust files below a folder of the repository, named from there, with their text.
fn rust_files(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    let mut waiting: Vec<PathBuf> = if root.exists() {
        vec![root.clone()]
    } else {
        Vec::new()
    };
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of the repository");
            waiting.extend(entries.map(|entry| entry.expect("an entry of it").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(&root).expect("below the folder");
            let name = name.to_str().expect("file names are text").to_owned();
            files.push((name, fs::read_to_string(&path).expect("source is text")));
        }
    }
    files.sort();
    files
}
