//! The settings file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::settings::SETTINGS;
use super::sources::{Given, Origin, suggestion};

/// A settings file is a page or two; more is some other file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// What the file says.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) values: BTreeMap<&'static str, Given>,
    pub(super) event_types: BTreeMap<i32, String>,
    pub(super) source_types: BTreeMap<i32, String>,
}

/// Reads the file at `path`; what is wrong with it goes to `problems`, each with its line.
pub(super) fn read(path: &Path, problems: &mut Vec<String>) -> Settings {
    let mut settings = Settings::default();
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(format!(
                "cannot read the settings file {}: {error}",
                path.display()
            ));
            return settings;
        }
    };
    let table = match DeTable::parse(&text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            // The whole message would quote the line, which may hold a key.
            let line = line_of(&text, error.span().map_or(0, |span| span.start));
            problems.push(format!("{}:{line}: {}", path.display(), error.message()));
            return settings;
        }
    };
    for (key, value) in &table {
        let line = line_of(&text, key.span().start);
        let value = value.get_ref();
        let result = match key.get_ref().as_ref() {
            "event_types" => names(value).map(|names| settings.event_types = names),
            "source_types" => names(value).map(|names| settings.source_types = names),
            key => setting(key, value).map(|(key, text)| {
                let origin = Origin::File {
                    path: path.to_owned(),
                    line,
                    key,
                };
                settings.values.insert(key, Given { text, origin });
            }),
        };
        if let Err(problem) = result {
            problems.push(format!("{}:{line}: {problem}", path.display()));
        }
    }
    settings
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!(
            "it is larger than {MAX_FILE_BYTES} bytes"
        )));
    }
    Ok(text)
}

/// Returns the number of the line, from 1, in which the byte at `offset` is.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

/// Returns the setting's own key and its value as a flag would have it: a list becomes its elements
/// with commas between.
fn setting(key: &str, value: &DeValue<'_>) -> Result<(&'static str, String), String> {
    let Some(setting) = SETTINGS.into_iter().find(|setting| setting.key == key) else {
        let mut known: Vec<&str> = SETTINGS.into_iter().map(|setting| setting.key).collect();
        known.extend(["event_types", "source_types"]);
        return Err(format!(
            "unknown setting '{key}'{}",
            suggestion(key, &known)
        ));
    };
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().replace('_', ""),
        DeValue::Array(elements) => {
            let texts: Option<Vec<&str>> = elements
                .iter()
                .map(|element| element.get_ref().as_str())
                .collect();
            texts
                .ok_or_else(|| format!("{key}: a list here holds text alone"))?
                .join(",")
        }
        other => return Err(format!("{key}: {} makes no sense here", other.type_str())),
    };
    Ok((setting.key, text))
}

/// Reads a table of `id = "name"`.
fn names(table: &DeValue<'_>) -> Result<BTreeMap<i32, String>, String> {
    let table = table
        .as_table()
        .ok_or("has to be a table of id = \"name\"")?;
    let mut names = BTreeMap::new();
    for (id, name) in table {
        let id = id.get_ref();
        let number = id
            .parse()
            .map_err(|_| format!("'{id}' is not an id: a whole number"))?;
        match name.get_ref().as_str() {
            Some(name) if !name.is_empty() => names.insert(number, name.to_owned()),
            _ => return Err(format!("id {id} needs a name, as in {id} = \"approved\"")),
        };
    }
    Ok(names)
}
