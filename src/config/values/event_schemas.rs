//! The folder of event schemas: `<database name>/<event type's name or id>.json`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::domain::{Catalogue, DatabaseName, EventSchema, EventSchemas, TenantSchemas};

/// A schema is a page or two; more is some other file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

const EXTENSION: &str = ".json";

/// Reads and compiles all schemas, or returns everything that is wrong, each with its file.
///
/// Names that begin with a dot are ignored: mounted folders have them (Kubernetes), and editors leave them.
pub(in crate::config) fn event_schemas(
    folder: &Path,
    catalogue: &Catalogue,
) -> Result<EventSchemas, Vec<String>> {
    let mut problems = Vec::new();
    let mut schemas = BTreeMap::new();
    for (name, path) in entries(folder, &mut problems) {
        if !path.is_dir() {
            let message = "it is no folder: schemas are in folders named after databases";
            problems.push(about(&path, message));
            continue;
        }
        let Ok(tenant) = DatabaseName::parse(&name) else {
            problems.push(about(&path, "its name is no tenant's database name"));
            continue;
        };
        schemas.insert(tenant, tenant_schemas(&path, catalogue, &mut problems));
    }
    if problems.is_empty() {
        Ok(EventSchemas::new(schemas))
    } else {
        Err(problems)
    }
}

fn tenant_schemas(
    folder: &Path,
    catalogue: &Catalogue,
    problems: &mut Vec<String>,
) -> TenantSchemas {
    let mut schemas = TenantSchemas::new();
    let mut files: BTreeMap<i32, PathBuf> = BTreeMap::new();
    for (name, path) in entries(folder, problems) {
        let Some(event_type) = name.strip_suffix(EXTENSION) else {
            problems.push(about(&path, "its name does not end in .json"));
            continue;
        };
        let event_type = match catalogue.parse_event_type(event_type) {
            Ok(event_type) => event_type,
            Err(why) => {
                problems.push(about(&path, why));
                continue;
            }
        };
        if let Some(other) = files.insert(event_type, path.clone()) {
            let other = other.display();
            let message = format!("it is of event type {event_type}, and so is '{other}'");
            problems.push(about(&path, message));
        }
        let schema = read(&path).map_err(|error| format!("it cannot be read: {error}"));
        match schema.and_then(|json| EventSchema::parse(&json)) {
            Ok(schema) => _ = schemas.insert(event_type, schema),
            Err(why) => problems.push(about(&path, why)),
        }
    }
    schemas
}

/// Returns what a folder holds, by name.
fn entries(folder: &Path, problems: &mut Vec<String>) -> BTreeMap<String, PathBuf> {
    let read = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let found = read.unwrap_or_else(|error| {
        problems.push(about(folder, format!("it cannot be read: {error}")));
        Vec::new()
    });
    let named = found.into_iter().map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, entry.path())
    });
    named.filter(|(name, _)| !name.starts_with('.')).collect()
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut json = Vec::new();
    File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut json)?;
    if json.len() as u64 > MAX_FILE_BYTES {
        let message = format!("it is larger than {MAX_FILE_BYTES} bytes");
        return Err(io::Error::other(message));
    }
    Ok(json)
}

fn about(path: &Path, message: impl std::fmt::Display) -> String {
    format!("event schema '{}': {message}", path.display())
}
