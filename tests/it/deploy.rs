//! What is under `deploy/`, as far as it can be held against the source and the real server: the names of
//! metrics in the dashboard and the alerts, and the function that forwards events from AWS Lambda.

mod forward;
mod release;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The prefix of our metrics.
const PREFIX: &str = "event_history_";

#[test]
fn the_dashboard_shows_metrics_that_exist() {
    let dashboard: Value =
        serde_json::from_str(&text("deploy/grafana/event-history.json")).expect("JSON");
    let mut queries = Vec::new();
    collect_queries(&dashboard, &mut queries);
    assert!(queries.len() > 20, "only {} queries found", queries.len());
    for query in queries {
        assert!(!metrics_in(query).is_empty(), "no metric in: {query}");
        assert_all_exist(query);
    }
}

#[test]
fn the_alerts_watch_metrics_that_exist() {
    let alerts = text("deploy/prometheus/alerts.yaml");
    assert!(metrics_in(&alerts).len() > 5, "no metrics found");
    assert_all_exist(&alerts);
}

#[test]
fn the_documentation_names_every_metric_and_no_other() {
    let page = text("docs/operations.md");
    let documented = metrics_in(&page);
    assert_eq!(documented, exported());
}

fn assert_all_exist(text: &str) {
    let exported = exported();
    let missing: Vec<String> = metrics_in(text)
        .into_iter()
        .filter(|name| !exported.contains(name) && !exported.contains(series_of(name)))
        .collect();
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "no source names them; in:\n{text}"
    );
}

/// Returns the histogram to which a series belongs; any other name as it is.
fn series_of(name: &str) -> &str {
    ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

/// Returns what the source names as a metric: a text literal that is such a name and nothing else.
fn exported() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in rust_files(&root().join("src")) {
        let source = fs::read_to_string(&file).expect("source is text");
        // Every other piece is inside quotes; where the count slips, a piece is no name by itself.
        names.extend(
            source
                .split('"')
                .filter(|piece| piece.starts_with(PREFIX) && piece.bytes().all(is_of_a_name))
                .map(str::to_owned),
        );
    }
    assert!(names.len() > 10, "only {names:?} found");
    names
}

/// Returns the names of our metrics in any text.
fn metrics_in(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii() || !is_of_a_name(c as u8))
        .filter(|word| word.starts_with(PREFIX))
        .map(str::to_owned)
        .collect()
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

fn collect_queries<'a>(value: &'a Value, queries: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(query) if name == "expr" || name == "definition" => {
                        queries.push(query);
                    }
                    other => collect_queries(other, queries),
                }
            }
        }
        Value::Array(elements) => {
            for element in elements {
                collect_queries(element, queries);
            }
        }
        _ => {}
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of the repository");
            waiting.extend(entries.map(|entry| entry.expect("an entry of it").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn text(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
