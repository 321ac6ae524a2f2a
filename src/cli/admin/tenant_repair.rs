//! `event-history tenants adopt` and `remove`: repairs of a data folder, while the service is stopped.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;

use crate::config::{AdoptArguments, LogFormat, RemoveArguments, TenantsConfig};
use crate::domain::DatabaseName;
use crate::store::{self, Removed, Repair, RepairError};
use crate::telemetry;

pub(super) fn adopt(arguments: &AdoptArguments) -> anyhow::Result<ExitCode> {
    let config = &TenantsConfig::of_adoption(arguments)?;
    telemetry::init_tracing(LogFormat::Text, "warn");
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

pub(super) fn remove(arguments: &RemoveArguments) -> anyhow::Result<ExitCode> {
    let config = &TenantsConfig::of_removal(arguments)?;
    telemetry::init_tracing(LogFormat::Text, "warn");
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
