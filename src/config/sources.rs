//! Where settings are given: flags, environment, settings file; and which of them counts.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::command_settings::{CLIENT_SETTINGS, COPY_SETTINGS, UPLOAD_SETTINGS};
use super::file;
use super::settings::{CONFIG, SETTINGS, Setting};

/// Where a value was given, in words for the person who gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Flag(&'static str),
    Variable(&'static str),
    File {
        path: PathBuf,
        line: usize,
        key: &'static str,
    },
    Default(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::File { path, line, key } => write!(f, "{}:{line}: {key}", path.display()),
            Self::Default(name) => write!(f, "default of --{name}"),
        }
    }
}

/// A value as it was given. It may be a secret, so it has no `Debug`.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// The settings that a command line and the environment give: `#[command(flatten)]` puts it into a
/// command.
#[derive(Clone)]
pub struct Arguments {
    given: BTreeMap<&'static str, Given>,
}

impl Arguments {
    pub(super) fn of(given: BTreeMap<&'static str, Given>) -> Self {
        Self { given }
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.given.values().map(|given| &given.origin))
            .finish()
    }
}

impl clap::Args for Arguments {
    fn augment_args(command: Command) -> Command {
        command.args(SETTINGS.into_iter().chain([&CONFIG]).map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

pub(super) fn argument(setting: &'static Setting) -> Arg {
    let argument = Arg::new(setting.key)
        .long(setting.flag)
        .env(setting.variable)
        .hide_env_values(true) // some are secrets
        .value_name(setting.value)
        .help_heading(setting.section);
    // Told in the help alone: with clap's own default a value in the file would never count.
    match setting.default {
        Some(default) => argument.help(format!("{} [default: {default}]", setting.help)),
        None => argument.help(setting.help),
    }
}

impl clap::FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let settings = SETTINGS.into_iter().chain([&CONFIG]);
        Ok(Self {
            given: given(matches, settings),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Returns which of `settings` the command line and the environment give.
pub(super) fn given(
    matches: &ArgMatches,
    settings: impl Iterator<Item = &'static Setting>,
) -> BTreeMap<&'static str, Given> {
    let mut given = BTreeMap::new();
    for setting in settings {
        let Some(text) = matches.get_one::<String>(setting.key) else {
            continue;
        };
        let origin = match matches.value_source(setting.key) {
            Some(ValueSource::CommandLine) => Origin::Flag(setting.flag),
            _ if text.is_empty() => continue, // `NAME=` in an env file means unset
            _ => Origin::Variable(setting.variable),
        };
        let text = text.clone();
        given.insert(setting.key, Given { text, origin });
    }
    given
}

/// What was given in all places together, the strongest place of each setting first.
pub(super) struct Sources {
    arguments: BTreeMap<&'static str, Given>,
    file: file::Settings,
}

impl Sources {
    /// Reads the settings file if there is one, and collects what is wrong with names in `problems`.
    pub(super) fn read(
        arguments: &Arguments,
        variables: impl Iterator<Item = (OsString, OsString)>,
        problems: &mut Vec<String>,
    ) -> Self {
        problems.extend(variables.filter_map(|(name, value)| unknown_variable(&name, &value)));
        let file = match arguments.given.get(CONFIG.key) {
            None => file::Settings::default(),
            Some(config) => file::read(Path::new(&config.text), problems),
        };
        Self {
            arguments: arguments.given.clone(),
            file,
        }
    }

    /// Returns what `given` says and nothing else.
    pub(super) fn of<const N: usize>(given: [(&'static Setting, String); N]) -> Self {
        let arguments = given.map(|(setting, text)| {
            (
                setting.key,
                Given {
                    text,
                    origin: Origin::Flag(setting.flag),
                },
            )
        });
        Self {
            arguments: arguments.into(),
            file: file::Settings::default(),
        }
    }

    /// Returns the value that counts: flag over environment over file over default.
    pub(super) fn get(&self, setting: &'static Setting) -> Option<Given> {
        let given = self
            .arguments
            .get(setting.key)
            .or_else(|| self.file.values.get(setting.key));
        let default = || {
            let text = setting.default?.to_owned();
            Some(Given {
                text,
                origin: Origin::Default(setting.flag),
            })
        };
        given.cloned().or_else(default)
    }

    pub(super) fn event_types(&self) -> &BTreeMap<i32, String> {
        &self.file.event_types
    }

    pub(super) fn source_types(&self) -> &BTreeMap<i32, String> {
        &self.file.source_types
    }
}

pub(super) fn unknown_variable(name: &OsString, value: &OsString) -> Option<String> {
    let name = name.to_str()?;
    if !name.starts_with("EVENT_HISTORY_") || is_service_link(name, &value.to_string_lossy()) {
        return None;
    }
    let known: Vec<&str> = SETTINGS
        .into_iter()
        .chain([&CONFIG])
        .chain(COPY_SETTINGS)
        .chain(CLIENT_SETTINGS)
        .chain(UPLOAD_SETTINGS)
        .map(|it| it.variable)
        .collect();
    if known.contains(&name) {
        return None;
    }
    let hint = suggestion(name, &known);
    Some(format!("unknown environment variable {name}{hint}"))
}

/// Tells whether Kubernetes made the variable: it puts some into every container for each service of
/// the namespace, and a service that is called `event-history` gets names that look like ours.
/// Source: Kubernetes documentation, "Service", section "Environment variables".
fn is_service_link(name: &str, value: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_")
        || (name.ends_with("_PORT") && value.contains("://"))
}

/// Returns `: did you mean …?` if one of the known names is near.
pub(super) fn suggestion(name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|known| (edit_distance(name, known), known))
        .min()
        .filter(|(distance, _)| *distance <= 1 + name.len() / 5);
    nearest.map_or_else(String::new, |(_, nearest)| {
        format!(": did you mean {nearest}?")
    })
}

/// Returns how many letters have to be changed, added or removed (Levenshtein).
fn edit_distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{suggestion, unknown_variable};

    fn unknown(name: &str, value: &str) -> Option<String> {
        unknown_variable(&OsString::from(name), &OsString::from(value))
    }

    #[test]
    fn names_unknown_variables_and_the_nearest_known_one() {
        let message = unknown("EVENT_HISTORY_LISTE", "x").unwrap();
        assert!(message.ends_with("EVENT_HISTORY_LISTE: did you mean EVENT_HISTORY_LISTEN?"));
        assert!(unknown("EVENT_HISTORY_PORT", "8080").is_some());
        assert!(unknown("EVENT_HISTORY_CONFIG", "x").is_none());
        assert!(unknown("OTHER", "x").is_none());
    }

    #[test]
    fn leaves_the_variables_of_kubernetes_alone() {
        for (name, value) in [
            ("EVENT_HISTORY_SERVICE_HOST", "10.0.0.1"),
            ("EVENT_HISTORY_SERVICE_PORT_HTTP", "80"),
            ("EVENT_HISTORY_PORT", "tcp://10.0.0.1:80"),
            ("EVENT_HISTORY_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("EVENT_HISTORY_DB_SERVICE_HOST", "10.0.0.2"),
        ] {
            assert_eq!(unknown(name, value), None, "{name}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(
            suggestion("lisen", &["listen", "files"]),
            ": did you mean listen?"
        );
        assert_eq!(suggestion("colour", &["listen", "files"]), "");
    }
}
