//! `event-history retention`.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::backends::{close_store, open_shared_store};
use super::process::Signals;
use super::process::exit::success_if;
use super::terminal::Results;
use crate::config::{LogFormat, RetentionArguments, RetentionConfig};
use crate::domain::{Clock, SystemClock};
use crate::jobs::retention::{self, Job, Report, TenantReport};
use crate::telemetry;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Delete the events that have stayed for as long as the rules of their tenants say
    ///
    /// Prints a line for each tenant that has rules, and the totals. With --dry-run it counts what it
    /// would delete. What is under a legal hold stays. It may be stopped at any time: the next run deletes
    /// the rest. Exits with status 1 if events that are due could not be deleted.
    Run(#[command(flatten)] RetentionArguments),
}

pub(super) async fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(arguments) => {
            let config = RetentionConfig::load(arguments)?;
            telemetry::init_tracing(LogFormat::Text, "warn");
            Signals::install()?
                .or_stopped(Box::pin(delete(&config)))
                .await
        }
    }
}

async fn delete(config: &RetentionConfig) -> anyhow::Result<ExitCode> {
    let RetentionConfig {
        database,
        tenants,
        dry_run,
        json,
    } = config;
    let job = Job {
        store: open_shared_store(database).await?,
        tenants: tenants.clone(),
        now: SystemClock.now(),
        delete: !dry_run,
    };
    let verb = if *dry_run { "due" } else { "deleted" };
    let mut results = Results::new(*json);
    let mut on_tenant = |report| print_tenant(&mut results, verb, &report);
    let report = retention::run(&job, &mut |_| {}, &mut on_tenant).await?;
    print_report(&mut results, verb, &report);
    results.end()?;
    close_store(&*job.store).await?;
    Ok(success_if(
        report.failed_tenants == 0 && report.unreadable == 0,
    ))
}

fn print_tenant(results: &mut Results, verb: &str, report: &TenantReport) {
    let TenantReport {
        tenant,
        events,
        held,
        unreadable,
        is_elsewhere,
        failure,
    } = report;
    let object = json!({
        "database_name": tenant.as_str(),
        verb: events,
        "held": held,
        "unreadable": unreadable,
        "is_elsewhere": is_elsewhere,
        "failure": failure,
    });
    let elsewhere = if *is_elsewhere {
        "; another process is deleting its events"
    } else {
        ""
    };
    let failure = failure
        .as_ref()
        .map(|it| format!("; the rest was left alone: {it}"));
    let failure = failure.unwrap_or_default();
    let words = format!(
        "tenant '{tenant}': {events} events {verb}, {held} under a hold, {unreadable} unreadable{elsewhere}{failure}"
    );
    results.line(&object, &words);
}

fn print_report(results: &mut Results, verb: &str, report: &Report) {
    let Report {
        tenants,
        events,
        held,
        unreadable,
        failed_tenants,
    } = report;
    let object = json!({"sum": {
        "tenants": tenants, verb: events, "held": held, "unreadable": unreadable, "failed_tenants": failed_tenants,
    }});
    let words = format!(
        "{tenants} tenants with rules: {events} events {verb}, {held} under a hold, {unreadable} unreadable; tenants that \
         failed: {failed_tenants}"
    );
    results.line(&object, &words);
}
