//! Reads from the imports which folder or file depends on which, and finds those that depend on each other.

use std::collections::{BTreeMap, BTreeSet};

use super::scan;

/// The import that an edge was read from, by the two places.
pub(super) type Edges = BTreeMap<(String, String), String>;

/// Returns the imports between the places of `src/` that `place_of` says a file is in; unit tests aside. A folder and
/// what is inside it count as one place: its `mod.rs` puts the rooms together, and the rooms take types from it.
pub(super) fn edges<'a>(
    files: &'a [(String, String)],
    place_of: impl Fn(&'a str) -> &'a str,
) -> Edges {
    let places: BTreeMap<String, &str> = files
        .iter()
        .map(|(file, _)| (scan::module_of(file).join("::"), place_of(file)))
        .collect();
    let mut edges = Edges::new();
    for (file, source) in files {
        let from = place_of(file);
        let code = source.split("#[cfg(test)]\nmod ").next().unwrap_or(source);
        for scan::Named { line, path } in scan::paths(file, code) {
            let Some(to) = target(&places, &path) else {
                continue;
            };
            if !contains(from, to) && !contains(to, from) {
                edges
                    .entry((from.to_owned(), to.to_owned()))
                    .or_insert_with(|| format!("src/{file}:{line} names {path}"));
            }
        }
    }
    edges
}

/// Returns each set of places that can all be reached from one another.
pub(super) fn cycles(edges: &Edges) -> BTreeSet<Vec<&str>> {
    let places: BTreeSet<&str> = edges.keys().map(|(from, _)| from.as_str()).collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> = places
        .iter()
        .map(|place| (*place, reachable(edges, place)))
        .collect();
    let mutual = |from: &str, to: &str| {
        reached[from].contains(to) && reached.get(to).is_some_and(|it| it.contains(from))
    };
    places
        .iter()
        .filter(|from| mutual(from, from))
        .map(|from| {
            let members = places.iter().filter(|to| mutual(from, to));
            members.copied().collect()
        })
        .collect()
}

fn reachable<'a>(edges: &'a Edges, start: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(place) = waiting.pop() {
        for (from, to) in edges.keys() {
            if from == place && reached.insert(to.as_str()) {
                waiting.push(to);
            }
        }
    }
    reached
}

/// Returns the place of the innermost module that a path starts with.
fn target<'a>(places: &BTreeMap<String, &'a str>, path: &str) -> Option<&'a str> {
    let mut module = path;
    while module.starts_with("crate::") {
        if let Some(place) = places.get(module) {
            return Some(place);
        }
        module = module.rsplit_once("::").map_or("", |(outer, _)| outer);
    }
    None
}

/// Returns the folder of a file. One at the top is a place of its own: `app.rs`, `write_health.rs`.
pub(super) fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or(file, |(folder, _)| folder)
}

/// Returns the file without its extension, or the folder that a `mod.rs` stands for.
pub(super) fn module_of(file: &str) -> &str {
    let module = file.trim_end_matches(".rs");
    module.strip_suffix("/mod").unwrap_or(module)
}

fn contains(outer: &str, inner: &str) -> bool {
    inner
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
