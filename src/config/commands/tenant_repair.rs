//! The configuration of `tenants adopt` and `tenants remove`.

use std::collections::BTreeSet;

use crate::config::arguments::{OnDatabase, SettingArguments};
use crate::config::settings::DATABASE;
use crate::config::sources::{Problems, Sources};
use crate::config::values;
use crate::domain::DatabaseName;
use crate::store;

#[derive(Debug, Clone, clap::Args)]
pub struct AdoptArguments {
    #[command(flatten)]
    settings: SettingArguments<OnDatabase>,
    /// Database name of a tenant
    #[arg(
        value_name = "NAME",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    names: Vec<String>,
    /// Restore the entry of every database that has none
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub struct RemoveArguments {
    #[command(flatten)]
    settings: SettingArguments<OnDatabase>,
    /// Database name of a tenant
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// Confirm that these tenants are to be removed
    #[arg(long, required = true)]
    yes: bool,
}

#[derive(Debug, Clone)]
pub struct TenantsConfig {
    pub database: store::Location,
    /// Empty: every tenant that the command can work on.
    pub names: BTreeSet<DatabaseName>,
}

impl TenantsConfig {
    pub fn of_adoption(arguments: &AdoptArguments) -> Result<Self, Problems> {
        Self::load(&arguments.settings, &arguments.names)
    }

    pub fn of_removal(arguments: &RemoveArguments) -> Result<Self, Problems> {
        Self::load(&arguments.settings, &arguments.names)
    }

    fn load(arguments: &SettingArguments<OnDatabase>, names: &[String]) -> Result<Self, Problems> {
        let mut sources = Sources::read(arguments);
        let names = sources.tenants(names);
        let database = sources.parse(&DATABASE, values::location);
        sources.finish(database.map(|database| Self { database, names }))
    }
}
