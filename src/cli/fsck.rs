//! `event-history fsck`.

use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::process::exit::USAGE;
use super::terminal::{Results, print_error};
use crate::config::{FilesConfig, FsckArguments};
use crate::domain::DatabaseName;
use crate::jobs::fsck::{self, Job, Problem, Report};
use crate::{objects, store};

/// Prints a line for each problem. The status is 1 if something is damaged, or 2 if something could not be checked.
pub(super) async fn run(arguments: &FsckArguments) -> anyhow::Result<ExitCode> {
    let config = arguments.load()?;
    let checking = tokio::task::spawn_blocking(move || check(&config));
    checking.await.context("the check panicked")?
}

fn check(config: &FilesConfig) -> anyhow::Result<ExitCode> {
    let FilesConfig {
        database,
        files,
        tenants,
        json,
    } = config;
    let store::Location::Sqlite { folder } = database else {
        bail!("{database} is not a folder: ClickHouse checks its data itself (CHECK TABLE)");
    };
    let files = match files {
        objects::Location::Embedded { folder, .. } => Some(folder.clone()),
        objects::Location::S3 { .. } => None,
    };
    let job = Job {
        databases: folder.clone(),
        files,
        tenants: tenants.clone(),
    };
    let mut results = Results::new(*json);
    let on_problem = &mut |problem: Problem| results.line(&object(&problem), &words(&problem));
    let report = match fsck::run(&job, on_problem) {
        Ok(report) => report,
        Err(error) => {
            print_error(&error.into());
            return Ok(ExitCode::from(USAGE));
        }
    };
    let Report {
        tenants,
        events,
        files,
        damaged,
        unchecked,
    } = report;
    let totals = format!(
        "{tenants} tenants, {events} events and {files} references to files checked; damaged: {damaged}; \
         could not be checked: {unchecked}"
    );
    results.line(&json!({"sum": report}), &totals);
    results.end()?;
    Ok(match (damaged, unchecked) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(USAGE),
        _ => ExitCode::FAILURE,
    })
}

fn object(problem: &Problem) -> Value {
    let Problem {
        tenant,
        reference,
        path,
        description,
        is_unchecked,
    } = problem;
    let (event_id, file_id) = reference
        .map(|(event, file)| (event.to_string(), file.to_string()))
        .unzip();
    json!({
        "state": if *is_unchecked { "unchecked" } else { "damaged" },
        "database_name": tenant.as_ref().map(DatabaseName::as_str),
        "event_id": event_id,
        "file_id": file_id,
        "path": path.display().to_string(),
        "problem": description,
    })
}

fn words(problem: &Problem) -> String {
    let Problem {
        tenant,
        reference,
        path,
        description,
        is_unchecked,
    } = problem;
    let state = if *is_unchecked {
        "unchecked"
    } else {
        "damaged"
    };
    let tenant = tenant
        .as_ref()
        .map_or(String::new(), |name| format!(" tenant '{name}'"));
    let file = reference.as_ref().map_or(String::new(), |(event, file)| {
        format!(" file {file} of event {event}")
    });
    format!("{state}{tenant}{file} '{}': {description}", path.display())
}
