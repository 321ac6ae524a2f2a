//! What `event-history files` is told: two settings of `serve`, and flags of its own.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::settings::{CONFIG, DATABASE, FILES};
use super::sources::{Arguments, Given, Sources, argument, given};
use super::{MAX_FILE_AGE, Problems, value};
use crate::domain::DatabaseName;
use crate::domain::file::limits::MAX_FILE_BYTES;
use crate::{objects, store};

const TENANT: &str = "tenant";
const JSON: &str = "json";
const DELETE: &str = "delete";
const OLDER_THAN: &str = "older-than";
const OF_NO_TENANT: &str = "of-no-tenant";
const MAX_RATE: &str = "max-rate";
const STATE: &str = "state";

/// Longer than the longest life of an upload URL, and EventBridge's day of retries with it.
const DEFAULT_AGE: &str = "8d";

/// What both commands are told, as it was given.
#[derive(Clone)]
struct Shared {
    arguments: Arguments,
    tenants: Vec<String>,
    json: bool,
}

/// The flags of `files sweep`: `#[command(flatten)]` puts them into a command.
#[derive(Clone)]
pub struct SweepArguments {
    shared: Shared,
    older_than: String,
    delete: bool,
    of_no_tenant: bool,
}

/// The flags of `files verify`, likewise.
#[derive(Clone)]
pub struct VerifyArguments {
    shared: Shared,
    max_rate: Option<String>,
    state: Option<PathBuf>,
}

/// The flags of `fsck`, likewise.
#[derive(Clone)]
pub struct FsckArguments(Shared);

/// Where to look, and at whose files; checked.
#[derive(Debug, Clone)]
pub struct FilesConfig {
    pub database: store::Location,
    pub files: objects::Location,
    /// Empty: all of them.
    pub tenants: BTreeSet<DatabaseName>,
    /// Whether each thing that was found is told as a JSON object rather than in words.
    pub json: bool,
}

#[derive(Debug, Clone)]
pub struct SweepConfig {
    pub files: FilesConfig,
    pub older_than: Duration,
    pub delete: bool,
    pub of_no_tenant: bool,
}

#[derive(Debug, Clone)]
pub struct VerifyConfig {
    pub files: FilesConfig,
    pub max_bytes_per_second: Option<u64>,
    pub state: Option<PathBuf>,
}

impl SweepConfig {
    pub fn load(arguments: &SweepArguments) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let files = arguments.shared.load(&mut problems);
        let older_than = value::duration(&arguments.older_than, Duration::ZERO, MAX_FILE_AGE);
        let older_than = older_than.map_err(|it| problems.push(format!("--{OLDER_THAN}: {it}")));
        match (files, older_than) {
            (Some(files), Ok(older_than)) if problems.is_empty() => Ok(Self {
                files,
                older_than,
                delete: arguments.delete,
                of_no_tenant: arguments.of_no_tenant,
            }),
            _ => Err(Problems(problems)),
        }
    }
}

impl VerifyConfig {
    pub fn load(arguments: &VerifyArguments) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let files = arguments.shared.load(&mut problems);
        let rate = arguments.max_rate.as_deref().map(|text| {
            let rate = value::size(text, 1, MAX_FILE_BYTES);
            rate.map_err(|it| problems.push(format!("--{MAX_RATE}: {it}")))
        });
        match (files, rate.transpose()) {
            (Some(files), Ok(max_bytes_per_second)) if problems.is_empty() => Ok(Self {
                files,
                max_bytes_per_second,
                state: arguments.state.clone(),
            }),
            _ => Err(Problems(problems)),
        }
    }
}

impl FsckArguments {
    pub fn load(&self) -> Result<FilesConfig, Problems> {
        let mut problems = Vec::new();
        match self.0.load(&mut problems) {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(Problems(problems)),
        }
    }
}

impl Shared {
    fn load(&self, problems: &mut Vec<String>) -> Option<FilesConfig> {
        let sources = Sources::read(&self.arguments, std::env::vars_os(), problems);
        let location = |setting| {
            let Given { text, origin } = sources.get(setting)?;
            Some((text, origin))
        };
        let (database, files) = (location(&DATABASE)?, location(&FILES)?);
        let database = value::location(&database.0)
            .map_err(|it| problems.push(format!("{}: {it}", database.1)));
        let files =
            value::location(&files.0).map_err(|it| problems.push(format!("{}: {it}", files.1)));
        let mut tenants = BTreeSet::new();
        for tenant in &self.tenants {
            match DatabaseName::parse(tenant) {
                Ok(name) => _ = tenants.insert(name),
                Err(_) => problems.push(format!("--tenant: '{tenant}' is no name of a tenant")),
            }
        }
        Some(FilesConfig {
            database: database.ok()?,
            files: files.ok()?,
            tenants,
            json: self.json,
        })
    }

    fn augment(command: Command) -> Command {
        let tenant = Arg::new(TENANT)
            .long(TENANT)
            .value_name("NAME")
            .action(ArgAction::Append)
            .help("Database name of a tenant; may be repeated [default: all of them]");
        let json = Arg::new(JSON).long(JSON).action(ArgAction::SetTrue).help(
            "Prints each thing that is found, and the sum at the end, as a JSON object a line",
        );
        command
            .args([&DATABASE, &FILES, &CONFIG].map(argument))
            .args([tenant, json])
    }

    fn of(matches: &ArgMatches) -> Self {
        let tenants = matches.get_many::<String>(TENANT).unwrap_or_default();
        Self {
            arguments: Arguments::of(given(matches, [&DATABASE, &FILES, &CONFIG].into_iter())),
            tenants: tenants.cloned().collect(),
            json: matches.get_flag(JSON),
        }
    }
}

impl clap::Args for SweepArguments {
    fn augment_args(command: Command) -> Command {
        let older_than = Arg::new(OLDER_THAN)
            .long(OLDER_THAN)
            .value_name("DURATION")
            .default_value(DEFAULT_AGE)
            .help("Leaves files alone that were uploaded less than this ago: 0s to 3650d");
        let delete = Arg::new(DELETE)
            .long(DELETE)
            .action(ArgAction::SetTrue)
            .help("Removes what is found; without it nothing is changed");
        let of_no_tenant = Arg::new(OF_NO_TENANT)
            .long(OF_NO_TENANT)
            .action(ArgAction::SetTrue)
            .conflicts_with(TENANT)
            .help("Removes files under names that no tenant has, too: those of deleted tenants");
        Shared::augment(command).args([older_than, delete, of_no_tenant])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for SweepArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let older_than = matches.get_one::<String>(OLDER_THAN).cloned();
        Ok(Self {
            shared: Shared::of(matches),
            older_than: older_than.unwrap_or_else(|| DEFAULT_AGE.to_owned()),
            delete: matches.get_flag(DELETE),
            of_no_tenant: matches.get_flag(OF_NO_TENANT),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for VerifyArguments {
    fn augment_args(command: Command) -> Command {
        let max_rate = Arg::new(MAX_RATE)
            .long(MAX_RATE)
            .value_name("SIZE")
            .help("Reads at most so much a second, as in `50MiB` [default: no limit]");
        let state = Arg::new(STATE)
            .long(STATE)
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help(
                "Keeps in this file how far it has come, and goes on from there; it is removed at \
                 the end",
            );
        Shared::augment(command).args([max_rate, state])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for VerifyArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self {
            shared: Shared::of(matches),
            max_rate: matches.get_one::<String>(MAX_RATE).cloned(),
            state: matches.get_one::<PathBuf>(STATE).cloned(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for FsckArguments {
    fn augment_args(command: Command) -> Command {
        Shared::augment(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for FsckArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(Shared::of(matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl fmt::Debug for FsckArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FsckArguments")
            .field(&self.0.arguments)
            .finish()
    }
}

impl fmt::Debug for SweepArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            shared,
            older_than,
            delete,
            of_no_tenant,
        } = self;
        f.debug_struct("SweepArguments")
            .field("arguments", &shared.arguments)
            .field("older_than", older_than)
            .field("delete", delete)
            .field("of_no_tenant", of_no_tenant)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for VerifyArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            shared,
            max_rate,
            state,
        } = self;
        f.debug_struct("VerifyArguments")
            .field("arguments", &shared.arguments)
            .field("max_rate", max_rate)
            .field("state", state)
            .finish_non_exhaustive()
    }
}
