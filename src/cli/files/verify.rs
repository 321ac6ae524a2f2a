//! `event-history files verify`.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::backends::{close_store, open_shared_store, open_storage};
use crate::cli::process::Signals;
use crate::cli::terminal::{Results, of_job, with_progress};
use crate::config::{FilesConfig, VerifyConfig};
use crate::domain::FileRecord;
use crate::jobs::Progress;
use crate::jobs::verify::{self, Job, Problem, Report, ResumeState};
use crate::objects::RateLimiter;

/// The status if nothing is wrong but not every file could be verified. (2 is the status for wrong flags.)
const UNVERIFIED_STATUS: u8 = 3;

pub(super) async fn run(config: &VerifyConfig) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::install()?;
    let progress = Progress::default();
    let verifying = with_progress(of_job(&progress), Box::pin(verify(config, &progress)));
    signals.or_stopped(verifying).await
}

async fn verify(config: &VerifyConfig, progress: &Progress) -> anyhow::Result<ExitCode> {
    let VerifyConfig {
        files,
        max_bytes_per_second,
        state,
    } = config;
    let FilesConfig {
        database,
        files: location,
        tenants,
        json,
    } = files;
    let state = match state {
        Some(path) => Some((path.clone(), ResumeState::read(path)?)),
        None => None,
    };
    let job = Job {
        store: open_shared_store(database).await?,
        client: open_storage(location, true).await?,
        tenants: tenants.clone(),
        rate_limiter: RateLimiter::new(*max_bytes_per_second),
        state,
    };
    let mut results = Results::new(*json);
    let on_problem = &mut |problem| print_problem(&mut results, &problem);
    let report = verify::run(&job, progress, on_problem).await?;
    print_report(&mut results, report);
    results.end()?;
    close_store(&*job.store).await?;
    Ok(match (report.problems, report.unverified) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(UNVERIFIED_STATUS),
        _ => ExitCode::FAILURE,
    })
}

fn print_problem(results: &mut Results, problem: &Problem) {
    let Problem {
        database_name,
        file,
        kind,
        recorded,
        found,
        reason,
    } = problem;
    let (event_id, file_id) = file
        .map(|(event, file)| (event.to_string(), file.to_string()))
        .unzip();
    let object = json!({
        "problem": kind,
        "database_name": database_name.as_str(),
        "event_id": event_id,
        "file_id": file_id,
        "recorded": recorded.as_ref().map(object_of_record),
        "found": found.as_ref().map(object_of_record),
        "reason": reason,
    });
    let why = reason
        .as_ref()
        .map_or(String::new(), |it| format!(": {it}"));
    let words = if let Some((event_id, file_id)) = file {
        let side =
            |it: &Option<FileRecord>| it.as_ref().map_or("nothing".to_owned(), words_for_record);
        let (recorded, found) = (side(recorded), side(found));
        format!(
            "{kind} {database_name}/{file_id} of event {event_id}: recorded {recorded}; found \
             {found}{why}"
        )
    } else {
        format!("{kind} tenant '{database_name}'{why}")
    };
    results.line(&object, &words);
}

fn print_report(results: &mut Results, report: Report) {
    let Report {
        files,
        bytes,
        problems,
        unverified,
    } = report;
    let words = format!(
        "{files} files read, {bytes} bytes match their records, {problems} problems, {unverified} \
         files could not be verified"
    );
    results.line(&json!({"sum": report}), &words);
}

fn object_of_record(record: &FileRecord) -> Value {
    json!({
        "size_bytes": record.size_bytes,
        "sha256": record.sha256.map(|it| it.to_string()),
        "etag": record.etag,
        "version_id": record.version_id,
    })
}

fn words_for_record(record: &FileRecord) -> String {
    let mut parts = vec![format!("{} bytes", record.size_bytes)];
    parts.extend(record.sha256.map(|it| format!("SHA-256 {it}")));
    parts.extend(record.etag.as_ref().map(|it| format!("ETag {it}")));
    parts.join(", ")
}
