//! The configuration of `retention run`.

use std::collections::BTreeSet;

use crate::config::arguments::{OnDatabase, SettingArguments};
use crate::config::settings::DATABASE;
use crate::config::sources::{Problems, Sources};
use crate::config::values;
use crate::domain::DatabaseName;
use crate::store;

#[derive(Debug, Clone, clap::Args)]
pub struct RetentionArguments {
    #[command(flatten)]
    settings: SettingArguments<OnDatabase>,
    /// Database name of a tenant; may be repeated [default: all tenants]
    #[arg(long = "tenant", value_name = "NAME")]
    tenants: Vec<String>,
    /// Count the events that are due, and delete none
    #[arg(long)]
    dry_run: bool,
    /// Print the report of each tenant, and the totals at the end, as one JSON object per line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone)]
pub struct RetentionConfig {
    pub database: store::Location,
    /// Empty: all tenants.
    pub tenants: BTreeSet<DatabaseName>,
    pub dry_run: bool,
    pub json: bool,
}

impl RetentionConfig {
    pub fn load(arguments: &RetentionArguments) -> Result<Self, Problems> {
        let mut sources = Sources::read(&arguments.settings);
        let tenants = sources.tenants(&arguments.tenants);
        let database = sources.parse(&DATABASE, values::location);
        sources.finish(database.map(|database| Self {
            database,
            tenants,
            dry_run: arguments.dry_run,
            json: arguments.json,
        }))
    }
}
