//! `event-history files sweep`.

use std::process::ExitCode;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::json;

use crate::cli::backends::{close_store, open_shared_store, open_storage, require_owner};
use crate::cli::process::Signals;
use crate::cli::process::exit::success_if;
use crate::cli::terminal::Results;
use crate::config::{FilesConfig, SweepConfig};
use crate::jobs::sweep::{self, Fate, FoundFile, Job, Report};

/// Why no file counts as old.
const CLOCK_NOT_WATCHED: &str = "no file is known to be old enough: the clock by which files are dated has not been \
                                 watched for that long";

pub(super) async fn run(config: &SweepConfig) -> anyhow::Result<ExitCode> {
    let sweeping = Box::pin(sweep(config));
    Signals::install()?.or_stopped(sweeping).await
}

async fn sweep(config: &SweepConfig) -> anyhow::Result<ExitCode> {
    let SweepConfig {
        files,
        older_than,
        delete,
        of_no_tenant,
    } = config;
    let FilesConfig {
        database,
        files: location,
        tenants,
        json,
    } = files;
    let store = open_shared_store(database).await?;
    let objects = open_storage(location, true).await?.objects;
    require_owner(&*objects, location, &*store, *delete).await?;
    let cutoff = objects.age_cutoff(*older_than).await;
    let cutoff = cutoff.context("cannot determine the age of the files")?;
    let mut results = Results::new(*json);
    if cutoff.is_none() {
        print_remark(&mut results, CLOCK_NOT_WATCHED);
    }
    let job = Job {
        store,
        objects,
        tenants: tenants.clone(),
        uploaded_before: cutoff.unwrap_or(Timestamp::MIN),
        delete: *delete,
        of_no_tenant: *of_no_tenant,
    };
    let report = sweep::run(&job, &mut |file| print_file(&mut results, &file)).await?;
    print_report(&mut results, &report);
    results.end()?;
    close_store(&*job.store).await?;
    let problems = report.kept + report.skipped_tenants + report.damaged;
    Ok(success_if(problems == 0))
}

fn print_file(results: &mut Results, file: &FoundFile) {
    let FoundFile {
        key,
        size_bytes,
        modified_at,
        fate,
    } = file;
    let (word, reason) = match fate {
        Fate::Orphan => ("orphan", None),
        Fate::Removed => ("removed", None),
        Fate::OfNoTenant => ("of no tenant", None),
        Fate::Kept(reason) => ("kept", Some(reason)),
    };
    let object = json!({
        "fate": word.replace(' ', "_"),
        "database_name": key.database_name.as_str(),
        "file_id": key.file_id.to_string(),
        "size_bytes": size_bytes,
        "uploaded_at": modified_at.to_string(),
        "reason": reason,
    });
    let why = reason.map(|it| format!(": {it}")).unwrap_or_default();
    let words = format!("{word} {key}, {size_bytes} bytes, uploaded at {modified_at}{why}");
    results.line(&object, &words);
}

fn print_remark(results: &mut Results, remark: &str) {
    results.line(&json!({"remark": remark}), remark);
}

fn print_report(results: &mut Results, report: &Report) {
    let Report {
        seen,
        orphans,
        removed,
        of_no_tenant,
        kept,
        skipped_tenants,
        of_unknown_age,
        other_objects,
        damaged,
        remarks,
    } = report;
    for remark in remarks {
        print_remark(results, remark);
    }
    let object = json!({"sum": {
        "files": seen.files, "bytes": seen.bytes,
        "orphans": orphans.files, "orphan_bytes": orphans.bytes,
        "removed": removed.files, "removed_bytes": removed.bytes,
        "of_no_tenant": of_no_tenant.files, "of_no_tenant_bytes": of_no_tenant.bytes,
        "kept": kept, "skipped_tenants": skipped_tenants, "of_unknown_age": of_unknown_age, "other_objects": other_objects,
        "damaged": damaged,
    }});
    let words = format!(
        "{} files of {} bytes; orphans: {} of {} bytes; of no tenant: {} of {} bytes; removed: {} of \
         {} bytes; could not be removed: {kept}; tenants skipped: {skipped_tenants}; of unknown age: {of_unknown_age}; other objects: \
         {other_objects}; unreadable: {damaged}",
        seen.files,
        seen.bytes,
        orphans.files,
        orphans.bytes,
        of_no_tenant.files,
        of_no_tenant.bytes,
        removed.files,
        removed.bytes,
    );
    results.line(&object, &words);
}
