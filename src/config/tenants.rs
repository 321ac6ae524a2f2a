//! The settings of `event-history tenants`: where the tenants are, and which of them are meant.

use std::collections::BTreeSet;
use std::fmt;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::settings::{CONFIG, DATABASE};
use super::sources::{Arguments, Given, Sources, argument, given};
use super::{Problems, value};
use crate::domain::DatabaseName;
use crate::store;

const NAME: &str = "NAME";
const ALL: &str = "all";
const YES: &str = "yes";

/// The flags of `tenants adopt`: `#[command(flatten)]` puts them into a command.
#[derive(Clone)]
pub struct AdoptArguments {
    arguments: Arguments,
    names: Vec<String>,
}

/// The flags of `tenants remove`, likewise.
#[derive(Clone)]
pub struct RemoveArguments {
    arguments: Arguments,
    names: Vec<String>,
}

/// Where the tenants are, and which of them are meant; checked.
#[derive(Debug, Clone)]
pub struct TenantsConfig {
    pub database: store::Location,
    /// Empty: all that it can be done for.
    pub names: BTreeSet<DatabaseName>,
}

impl TenantsConfig {
    pub fn of_adoption(arguments: &AdoptArguments) -> Result<Self, Problems> {
        Self::load(&arguments.arguments, &arguments.names)
    }

    pub fn of_removal(arguments: &RemoveArguments) -> Result<Self, Problems> {
        Self::load(&arguments.arguments, &arguments.names)
    }

    fn load(arguments: &Arguments, given: &[String]) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let sources = Sources::read(arguments, std::env::vars_os(), &mut problems);
        let database = sources.get(&DATABASE).and_then(|Given { text, origin }| {
            let location = value::location(&text);
            location
                .map_err(|it| problems.push(format!("{origin}: {it}")))
                .ok()
        });
        let mut names = BTreeSet::new();
        for name in given {
            match DatabaseName::parse(name) {
                Ok(name) => _ = names.insert(name),
                Err(_) => problems.push(format!("'{name}' is no name of a tenant")),
            }
        }
        match database {
            Some(database) if problems.is_empty() => Ok(Self { database, names }),
            _ => Err(Problems(problems)),
        }
    }
}

fn names() -> Arg {
    Arg::new(NAME)
        .action(ArgAction::Append)
        .help("Database name of a tenant")
}

fn augment(command: Command) -> Command {
    command.args([&DATABASE, &CONFIG].map(argument))
}

fn arguments(matches: &ArgMatches) -> (Arguments, Vec<String>) {
    let names = matches.get_many::<String>(NAME).unwrap_or_default();
    (
        Arguments::of(given(matches, [&DATABASE, &CONFIG].into_iter())),
        names.cloned().collect(),
    )
}

impl clap::Args for AdoptArguments {
    fn augment_args(command: Command) -> Command {
        let all = Arg::new(ALL)
            .long(ALL)
            .action(ArgAction::SetTrue)
            .help("Restores the entry of every database that has none");
        augment(command).args([
            names().required_unless_present(ALL).conflicts_with(ALL),
            all,
        ])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for AdoptArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (arguments, names) = arguments(matches);
        Ok(Self { arguments, names })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for RemoveArguments {
    fn augment_args(command: Command) -> Command {
        let yes = Arg::new(YES)
            .long(YES)
            .action(ArgAction::SetTrue)
            .required(true)
            .help("Says that these tenants are to be given up");
        augment(command).args([names().required(true), yes])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for RemoveArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (arguments, names) = arguments(matches);
        Ok(Self { arguments, names })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl fmt::Debug for AdoptArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arguments, names } = self;
        f.debug_struct("AdoptArguments")
            .field("arguments", arguments)
            .field("names", names)
            .finish()
    }
}

impl fmt::Debug for RemoveArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arguments, names } = self;
        f.debug_struct("RemoveArguments")
            .field("arguments", arguments)
            .field("names", names)
            .finish()
    }
}
