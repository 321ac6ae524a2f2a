//! `event-history tenants`.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

use crate::config::{AdoptArguments, LogFormat, RemoveArguments, TenantsConfig};
use crate::domain::DatabaseName;
use crate::store::{self, Removed, Repair, RepairError};
use crate::telemetry;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Restore the tenant entry of a database that has none
    ///
    /// The database contains its entry, so that the client id and secret of its callers work again. Fails
    /// if there is an entry with the name or the client id. Prints a line for each tenant, and exits with
    /// status 1 if one was not adopted.
    Adopt(#[command(flatten)] AdoptArguments),
    /// Remove a tenant that has lost its entry or its database
    ///
    /// A database without an entry is moved to the folder `removed` of the data folder: delete it there, or
    /// move it back. An entry without a database is deleted. A tenant that has both is left alone. Prints a
    /// line for each tenant, and exits with status 1 if one was not removed.
    Remove(#[command(flatten)] RemoveArguments),
}

pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    telemetry::init_tracing(LogFormat::Text, "warn");
    match command {
        Command::Adopt(arguments) => adopt(&TenantsConfig::of_adoption(arguments)?),
        Command::Remove(arguments) => remove(&TenantsConfig::of_removal(arguments)?),
    }
}

fn adopt(config: &TenantsConfig) -> anyhow::Result<ExitCode> {
    let repair = open(config)?;
    let names = if config.names.is_empty() {
        repair.orphans().context("cannot look for databases")?
    } else {
        config.names.iter().cloned().collect()
    };
    let adopt = |repair: &mut Repair, name: &DatabaseName| {
        let tenant = repair.adopt(name)?;
        Ok(format!("adopted '{name}', client id {}", tenant.client_id))
    };
    for_each(repair, names, "adopted", adopt)
}

fn remove(config: &TenantsConfig) -> anyhow::Result<ExitCode> {
    let names = config.names.iter().cloned().collect();
    let remove = |repair: &mut Repair, name: &DatabaseName| {
        Ok(match repair.remove(name)? {
            Removed::Database(place) => format!("removed '{name}' to '{}'", place.display()),
            Removed::Entry => format!("removed the entry of '{name}'"),
        })
    };
    for_each(open(config)?, names, "removed", remove)
}

fn open(config: &TenantsConfig) -> anyhow::Result<Repair> {
    let opened = store::repair(&config.database);
    opened.with_context(|| format!("cannot open the database {}", config.database))
}

/// Processes every tenant, even if others fail.
fn for_each(
    mut repair: Repair,
    names: Vec<DatabaseName>,
    done: impl Display,
    work: impl Fn(&mut Repair, &DatabaseName) -> Result<String, RepairError>,
) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let mut status = ExitCode::SUCCESS;
    for name in names {
        let line = work(&mut repair, &name).unwrap_or_else(|error| {
            status = ExitCode::FAILURE;
            format!("'{name}' was not {done}: {error}")
        });
        writeln!(out, "{line}").context("cannot write to standard output")?;
    }
    repair.close().context("cannot close the database")?;
    Ok(status)
}
