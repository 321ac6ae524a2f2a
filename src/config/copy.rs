//! What `event-history copy` is told: its flags, and the variables that may hold a password for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::command_settings::{COPY_FILES_FROM, COPY_FILES_TO, COPY_FROM, COPY_SETTINGS, COPY_TO};
use super::settings::Setting;
use super::sources::{Given, argument, given, unknown_variable};
use super::{Problems, value};
use crate::domain::DatabaseName;
use crate::{objects, store};

const TENANT: &str = "tenant";
const VERIFY_ONLY: &str = "verify-only";

/// The flags as they were given: `#[command(flatten)]` puts them into a command.
#[derive(Clone)]
pub struct CopyArguments {
    given: BTreeMap<&'static str, Given>,
    tenants: Vec<String>,
    verify_only: bool,
}

/// What to copy, checked.
#[derive(Debug, Clone)]
pub struct CopyConfig {
    pub from: store::Location,
    pub to: store::Location,
    /// Source and destination; `None`: files are not copied.
    pub files: Option<(objects::Location, objects::Location)>,
    /// Empty: all of them.
    pub tenants: BTreeSet<DatabaseName>,
    pub verify_only: bool,
}

impl CopyConfig {
    pub fn load(arguments: &CopyArguments) -> Result<Self, Problems> {
        let variables = std::env::vars_os();
        let mut problems: Vec<String> = variables
            .filter_map(|(name, value)| unknown_variable(&name, &value))
            .collect();
        let config = Self::parse(arguments, &mut problems);
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(Problems(problems)),
        }
    }

    fn parse(arguments: &CopyArguments, problems: &mut Vec<String>) -> Option<Self> {
        let CopyArguments {
            given,
            tenants,
            verify_only,
        } = arguments;
        let from = location::<store::Location>(given, &COPY_FROM, problems);
        let to = location::<store::Location>(given, &COPY_TO, problems);
        let files_from = location::<objects::Location>(given, &COPY_FILES_FROM, problems);
        let files_to = location::<objects::Location>(given, &COPY_FILES_TO, problems);
        for setting in [&COPY_FROM, &COPY_TO] {
            if !given.contains_key(setting.key) {
                let Setting { flag, variable, .. } = setting;
                problems.push(format!("--{flag} is missing: give it or {variable}"));
            }
        }
        for (one, other) in [
            (&COPY_FILES_FROM, &COPY_FILES_TO),
            (&COPY_FILES_TO, &COPY_FILES_FROM),
        ] {
            if given.contains_key(one.key) && !given.contains_key(other.key) {
                problems.push(format!("--{} needs --{} too", one.flag, other.flag));
            }
        }
        if from.is_some() && from == to {
            problems.push("--from and --to are the same".to_owned());
        }
        if files_from.is_some() && files_from == files_to {
            problems.push("--files-from and --files-to are the same".to_owned());
        }
        let mut names = BTreeSet::new();
        for tenant in tenants {
            match DatabaseName::parse(tenant) {
                Ok(name) => _ = names.insert(name),
                Err(_) => problems.push(format!("--tenant: '{tenant}' is no name of a tenant")),
            }
        }
        Some(Self {
            from: from?,
            to: to?,
            files: files_from.zip(files_to),
            tenants: names,
            verify_only: *verify_only,
        })
    }
}

fn location<T: std::str::FromStr<Err = String>>(
    given: &BTreeMap<&'static str, Given>,
    setting: &Setting,
    problems: &mut Vec<String>,
) -> Option<T> {
    let Given { text, origin } = given.get(setting.key)?;
    match value::location(text) {
        Ok(location) => Some(location),
        Err(problem) => {
            problems.push(format!("{origin}: {problem}"));
            None
        }
    }
}

impl clap::Args for CopyArguments {
    fn augment_args(command: Command) -> Command {
        let tenant = Arg::new(TENANT)
            .long(TENANT)
            .value_name("NAME")
            .action(ArgAction::Append)
            .help("Database name of a tenant to copy; may be repeated [default: all of them]");
        let verify_only = Arg::new(VERIFY_ONLY)
            .long(VERIFY_ONLY)
            .action(ArgAction::SetTrue)
            .help("Changes nothing: reads both sides and says which tenants differ");
        command
            .args(COPY_SETTINGS.map(argument))
            .args([tenant, verify_only])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for CopyArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let tenants = matches.get_many::<String>(TENANT).unwrap_or_default();
        Ok(Self {
            given: given(matches, COPY_SETTINGS.into_iter()),
            tenants: tenants.cloned().collect(),
            verify_only: matches.get_flag(VERIFY_ONLY),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl fmt::Debug for CopyArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            given,
            tenants,
            verify_only,
        } = self;
        let origins: Vec<String> = given.values().map(|it| it.origin.to_string()).collect();
        f.debug_struct("CopyArguments")
            .field("given", &origins)
            .field("tenants", tenants)
            .field("verify_only", verify_only)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::{CopyArguments, CopyConfig};

    fn parse(flags: &[&str]) -> Result<CopyConfig, Vec<String>> {
        let command = CopyArguments::augment_args(Command::new("copy").no_binary_name(true));
        let matches = command.try_get_matches_from(flags).unwrap();
        let arguments = CopyArguments::from_arg_matches(&matches).unwrap();
        let mut problems = Vec::new();
        let config = CopyConfig::parse(&arguments, &mut problems);
        config.filter(|_| problems.is_empty()).ok_or(problems)
    }

    #[test]
    fn both_ends_are_needed_and_are_two() {
        let config = parse(&["--from", "sqlite:a", "--to", "sqlite:b", "--tenant", "x"]).unwrap();
        assert_eq!((config.tenants.len(), config.verify_only), (1, false));
        assert!(config.files.is_none());
        assert_eq!(parse(&[]).unwrap_err().len(), 2);
        let ends = ["--from", "sqlite:a", "--to", "sqlite:b"];
        for (flags, problem) in [
            (
                ["--to", "sqlite:a"].as_slice(),
                "--from and --to are the same",
            ),
            (&["--to", "mysql:x"], "--to: 'mysql:x' is not of the form"),
            (&["--tenant", "a/b"], "--tenant: 'a/b' is no name"),
            (&["--files-to", "file:x"], "--files-to needs --files-from"),
            (
                &["--files-to", "file:x", "--files-from", "file:x"],
                "--files-from and --files-to are the same",
            ),
        ] {
            let kept = if flags[0] == "--to" {
                &ends[..2]
            } else {
                &ends
            };
            let problems = parse(&[kept, flags].concat()).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(problem), "{problems:?}");
        }
    }
}
