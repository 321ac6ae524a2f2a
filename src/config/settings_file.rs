//! The settings file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::arguments::{Given, Origin};
use super::settings::{CONFIG, Kind, SETTINGS, Setting};
use super::unknown_names::suggestion;

/// A settings file is a page or two; more is some other file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

const EVENT_TYPES: &str = "event_types";
const SOURCE_TYPES: &str = "source_types";

/// The content of the file.
#[derive(Default)]
pub(super) struct SettingsFile {
    /// By flag.
    pub(super) values: BTreeMap<&'static str, Given>,
    pub(super) event_types: BTreeMap<i32, String>,
    pub(super) source_types: BTreeMap<i32, String>,
}

impl SettingsFile {
    /// Reads the file at `path`, and adds everything that is wrong with it to `problems`, each with its line.
    pub(super) fn read(path: &Path, problems: &mut Vec<String>) -> Self {
        let mut settings = Self::default();
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
        let mut problem = |offset, message: &str| {
            let line = line_of(&text, offset);
            problems.push(format!("{}:{line}: {message}", path.display()));
        };
        let table = match DeTable::parse(&text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                // The whole message would quote the line, which may hold a key.
                problem(error.span().map_or(0, |span| span.start), error.message());
                return settings;
            }
        };
        for (key, value) in &table {
            let (offset, value) = (key.span().start, value.get_ref());
            let line = line_of(&text, offset);
            let names = match key.get_ref().as_ref() {
                EVENT_TYPES => &mut settings.event_types,
                SOURCE_TYPES => &mut settings.source_types,
                key => {
                    match setting(key, value) {
                        Ok((setting, text)) => {
                            let origin = Origin::File {
                                path: path.to_owned(),
                                line,
                                key: key.to_owned(),
                            };
                            let given = Given { text, origin };
                            settings.values.insert(setting.flag, given);
                        }
                        Err(message) => problem(offset, &message),
                    }
                    continue;
                }
            };
            let Some(table) = value.as_table() else {
                problem(offset, &format!("{key}: expected a table of id = \"name\""));
                continue;
            };
            for (id, name) in table {
                match type_name(id.get_ref(), name.get_ref()) {
                    Ok((id, name)) => _ = names.insert(id, name),
                    Err(message) => problem(id.span().start, &format!("{key}: {message}")),
                }
            }
        }
        settings
    }
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

/// Returns the setting, and its value as a flag would have it: a list becomes its elements with commas between.
fn setting(key: &str, value: &DeValue<'_>) -> Result<(&'static Setting, String), String> {
    let settings = SETTINGS.iter().filter(|it| it.flag != CONFIG.flag);
    let Some(setting) = settings.clone().find(|setting| setting.key() == key) else {
        let mut known: Vec<String> = settings.map(|setting| setting.key()).collect();
        known.extend([EVENT_TYPES, SOURCE_TYPES].map(ToOwned::to_owned));
        let hint = suggestion(key, &known);
        return Err(format!("unknown setting '{key}'{hint}"));
    };
    let text = match (value, &setting.value) {
        (DeValue::String(text), _) => text.to_string(),
        (DeValue::Integer(number), Kind::Number(_)) if number.radix() == 10 => {
            number.as_str().replace('_', "")
        }
        (DeValue::Boolean(value), Kind::Boolean) => value.to_string(),
        (DeValue::Array(elements), _) => {
            let texts = elements.iter().map(|element| element.get_ref().as_str());
            let texts: Option<Vec<&str>> = texts.collect();
            let texts =
                texts.ok_or_else(|| format!("{key}: expected a list of texts in quotes"))?;
            texts.join(",")
        }
        (other, kind) => {
            let expected = match kind {
                Kind::Text(_) => "text in quotes",
                Kind::Number(_) => "a decimal number, or text in quotes",
                Kind::Boolean => "true or false",
            };
            let found = other.type_str();
            return Err(format!("{key}: expected {expected}, found {found}"));
        }
    };
    Ok((setting, text))
}

/// Parses one `id = "name"`.
fn type_name(id: &str, name: &DeValue<'_>) -> Result<(i32, String), String> {
    let number = id
        .parse()
        .map_err(|_| format!("'{id}' is not an id: a whole number"))?;
    match name.as_str() {
        Some(name) if !name.is_empty() => Ok((number, name.to_owned())),
        _ => Err(format!("id {id} needs a name, as in {id} = \"approved\"")),
    }
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::setting;

    fn value_of(line: &str) -> Result<String, String> {
        let table = DeTable::parse(line).unwrap().into_inner();
        let (key, value) = table.iter().next().unwrap();
        setting(key.get_ref(), value.get_ref()).map(|(_, text)| text)
    }

    #[test]
    fn values_have_the_type_of_their_setting() {
        for (line, text) in [
            ("api_key = '3'", "3"),
            ("api_key = ['one', 'two']", "one,two"),
            ("max_connections = 1_000", "1000"),
            ("max_connections = '1000'", "1000"),
            ("max_file_size = 1048576", "1048576"),
            ("upload_once = true", "true"),
            ("upload_once = 'true'", "true"),
        ] {
            assert_eq!(value_of(line).as_deref(), Ok(text), "{line}");
        }
        for line in [
            "api_key = 3",
            "api_key = ['one', 2]",
            "listen = true",
            "request_timeout = 4",
            "max_connections = 1.5",
            "max_connections = 0x10",
            "upload_once = 1",
            "files = { bucket = 'x' }",
        ] {
            let key = line.split(' ').next().unwrap();
            let problem = value_of(line).unwrap_err();
            assert!(
                problem.starts_with(&format!("{key}: expected")),
                "{problem}"
            );
        }
        assert_eq!(
            value_of("liste = 'x'").unwrap_err(),
            "unknown setting 'liste': did you mean listen?"
        );
        assert!(
            value_of("config = 'x'").is_err(),
            "a file that names a file"
        );
    }
}
