//! `event-history copy`.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;

use super::backends::{ENDPOINT_CONNECTIONS, open_storage, open_store, require_owner};
use super::process::exit::success_if;
use super::process::{Signals, raise_open_file_limit};
use super::terminal::{in_one_line, of_job, with_progress};
use crate::config::{CopyArguments, CopyConfig, LogFormat};
use crate::domain::{Clock, HistorySum, SystemClock};
use crate::jobs::Progress;
use crate::jobs::copy::{self, Job, Report, Storages, TenantReport};
use crate::telemetry;

/// The status is 0 if every tenant agrees on both sides.
pub(super) async fn run(arguments: &CopyArguments) -> anyhow::Result<ExitCode> {
    let config = CopyConfig::load(arguments)?;
    telemetry::init_tracing(LogFormat::Text, "warn");
    raise_open_file_limit(ENDPOINT_CONNECTIONS);
    let mut signals = Signals::install()?;
    let job = signals.or_stopped(Box::pin(open(&config))).await?;
    let progress = Progress::default();
    let copying = async { Ok(copy::run(&job, &progress).await?) };
    let copying = with_progress(of_job(&progress), copying);
    let outcome = signals.or_stopped(copying).await;
    // Writes in flight end first.
    signals.exit_at_next();
    let closed = close(&job).await;
    let report = outcome?;
    closed?;
    print(&report).context("cannot write to standard output")?;
    Ok(success_if(report.agrees()))
}

async fn open(config: &CopyConfig) -> anyhow::Result<Job> {
    let CopyConfig {
        from,
        to,
        files,
        tenants,
        verify_only,
        object_lock,
    } = config;
    let storages = match files {
        Some((from, to)) => Some(Storages {
            from: open_storage(from, true).await?,
            to: open_storage(to, *verify_only).await?,
        }),
        None => None,
    };
    let from = open_store(from, true).await?;
    let to = open_store(to, *verify_only).await?;
    if let (Some(storages), Some((_, location)), false) = (&storages, files, verify_only) {
        require_owner(&*storages.to.objects, location, &*to, true).await?;
    }
    Ok(Job {
        from,
        to,
        storages,
        tenants: tenants.clone(),
        verify_only: *verify_only,
        retention: object_lock.map(|it| it.retention_from(SystemClock.now())),
    })
}

async fn close(job: &Job) -> anyhow::Result<()> {
    let (from, to) = tokio::join!(job.from.close(), job.to.close());
    from.context("cannot close the source")?;
    to.context("cannot close the destination")
}

/// Prints a line for each tenant, and then one for each difference.
fn print(report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for tenant in &report.tenants {
        writeln!(out, "{}", line(tenant))?;
    }
    for remark in report.skipped_objects.remarks() {
        writeln!(out, "{}", in_one_line(&remark))?;
    }
    let mut differing = 0;
    for tenant in report.tenants.iter().filter(|it| !it.agrees()) {
        differing += 1;
        let problems = in_one_line(&tenant.problems().join("; "));
        writeln!(out, "tenant '{}' differs: {problems}", tenant.database_name)?;
    }
    let tenants = report.tenants.len();
    let sums = report.tenants.iter().filter_map(|it| it.source);
    let events: u64 = sums.map(|sum| sum.events).sum();
    if report.agrees() {
        writeln!(out, "{tenants} tenants with {events} events agree")?;
    } else {
        writeln!(out, "{differing} of {tenants} tenants differ")?;
    }
    out.flush()
}

fn line(tenant: &TenantReport) -> String {
    let side = |sum: Option<HistorySum>| sum.map_or("not read".to_owned(), |it| it.to_string());
    let name = &tenant.database_name;
    let (source, destination) = (side(tenant.source), side(tenant.destination));
    let events = format!("{name}: source {source}; destination {destination}");
    let Some(files) = &tenant.files else {
        return events;
    };
    let (source, destination) = (files.source_files, files.destination_files);
    let (bytes, copied) = (files.destination_bytes, files.copied_files);
    format!(
        "{events}; files: source {source}, destination {destination} of {bytes} bytes, {copied} \
         copied now"
    )
}
