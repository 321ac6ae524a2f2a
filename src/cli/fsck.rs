//! `event-history fsck`.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::USAGE;
use crate::config::{FilesConfig, FsckArguments};
use crate::domain::DatabaseName;
use crate::fsck::{self, Found, Job, Sum};
use crate::{objects, store};

/// Prints a line for each finding. Status 1: something is damaged; 2: something could not be looked at.
pub(super) async fn run(arguments: &FsckArguments) -> anyhow::Result<ExitCode> {
    let config = arguments.load()?;
    let looking = tokio::task::spawn_blocking(move || look(&config));
    looking.await.context("the check ended by a panic")?
}

fn look(config: &FilesConfig) -> anyhow::Result<ExitCode> {
    let FilesConfig {
        database,
        files,
        tenants,
        json,
    } = config;
    let store::Location::Sqlite { folder } = database else {
        bail!("{database} is no folder: ClickHouse checks its data itself (CHECK TABLE)");
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
    let mut out = Lines {
        json: *json,
        outcome: Ok(()),
    };
    let sum = match fsck::fsck(&job, &mut |found| out.line(&object(&found), &found.line())) {
        Ok(sum) => sum,
        Err(error) => {
            super::complain(&error.into());
            return Ok(ExitCode::from(USAGE));
        }
    };
    out.line(&json!({"sum": object_of_sum(sum)}), &words(sum));
    out.outcome.context("cannot write to standard output")?;
    Ok(match sum {
        Sum {
            damaged: 0,
            unchecked: 0,
            ..
        } => ExitCode::SUCCESS,
        Sum { damaged: 0, .. } => ExitCode::from(USAGE),
        _ => ExitCode::FAILURE,
    })
}

struct Lines {
    json: bool,
    outcome: io::Result<()>,
}

impl Lines {
    fn line(&mut self, object: &Value, words: &str) {
        if self.outcome.is_ok() {
            let text = if self.json {
                object.to_string()
            } else {
                words.to_owned()
            };
            let mut out = io::stdout().lock();
            self.outcome = writeln!(out, "{text}").and_then(|()| out.flush());
        }
    }
}

fn object(found: &Found) -> Value {
    let Found {
        tenant,
        reference,
        path,
        problem,
        is_unchecked,
    } = found;
    let (event_id, file_id) = reference
        .map(|(event, file)| (event.to_string(), file.to_string()))
        .unzip();
    json!({
        "state": if *is_unchecked { "unchecked" } else { "damaged" },
        "database_name": tenant.as_ref().map(DatabaseName::as_str),
        "event_id": event_id,
        "file_id": file_id,
        "path": path.display().to_string(),
        "problem": problem,
    })
}

fn object_of_sum(sum: Sum) -> Value {
    let Sum {
        tenants,
        events,
        files,
        damaged,
        unchecked,
    } = sum;
    json!({
        "tenants": tenants, "events": events, "files": files,
        "damaged": damaged, "unchecked": unchecked,
    })
}

fn words(sum: Sum) -> String {
    let Sum {
        tenants,
        events,
        files,
        damaged,
        unchecked,
    } = sum;
    format!(
        "{tenants} tenants, {events} events and {files} references to files looked at; damaged: {damaged}; \
         could not be looked at: {unchecked}"
    )
}
