//! `event-history files`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Subcommand;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::copy::{open_link, stopped};
use super::progress;
use super::signals::Signals;
use crate::config::{
    FilesConfig, LogFormat, SweepArguments, SweepConfig, VerifyArguments, VerifyConfig,
};
use crate::domain::FileRecord;
use crate::files::{
    self, Fate, Found, Mark, Problem, Sweep, SweepReport, Verification, VerifyReport,
};
use crate::objects::{self, RateLimiter};
use crate::runs::Progress;
use crate::store::{self, Store};
use crate::telemetry;

/// The status of a verification that found nothing wrong and could not verify everything. (2 is what
/// wrong flags end with.)
const UNVERIFIED_STATUS: u8 = 3;

/// Why a sweep takes no file for old.
const UNWATCHED: &str = "no file is known to have been there for so long: nobody has watched the clock for \
                         as long, by which files are dated";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Finds files that no event references, and with --delete removes them
    ///
    /// Prints a line for each. Files that were uploaded less than --older-than ago are left alone: their
    /// event may still come. What is removed cannot be referenced any more. Files under names that no
    /// tenant has are told apart, and are removed with --of-no-tenant alone. Ends with status 1 if
    /// something that was to be removed is still there.
    Sweep(#[command(flatten)] SweepArguments),
    /// Reads every file that an event references, and names those that are not what was recorded
    ///
    /// Prints a line for each file that is missing, changed or unreadable, and ends with status 1 if
    /// there is one. A file of which no digest is known is a line too, "unverified"; where there is nothing
    /// worse the status is 3. With --state FILE, the same command goes on where one that was stopped has been.
    Verify(#[command(flatten)] VerifyArguments),
}

pub(super) async fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Sweep(arguments) => sweep(&SweepConfig::load(arguments)?).await,
        Command::Verify(arguments) => verify(&VerifyConfig::load(arguments)?).await,
    }
}

async fn sweep(config: &SweepConfig) -> anyhow::Result<ExitCode> {
    telemetry::init_tracing(LogFormat::Text, "warn");
    let mut signals = Signals::install()?;
    let sweeping = async {
        let store = open_store(&config.files).await?;
        let objects = open_link(&config.files.files, true).await?.objects;
        let id = store.id().await;
        let id = id.context("cannot learn the id of the database")?;
        objects::require_owner(&*objects, id, config.delete)
            .await
            .with_context(|| format!("cannot use the object storage {}", config.files.files))?;
        let before = objects.age_cutoff(config.older_than).await;
        let before = before.context("cannot learn how old the files are")?;
        let job = Sweep {
            store,
            objects,
            tenants: config.files.tenants.clone(),
            before: before.unwrap_or(Timestamp::MIN),
            delete: config.delete,
            of_no_tenant: config.of_no_tenant,
        };
        let mut out = Lines::new(config.files.json);
        if before.is_none() {
            out.remark(UNWATCHED);
        }
        let report = files::sweep(&job, &mut |found| out.found(&found)).await?;
        out.swept(&report);
        out.end()?;
        job.store
            .close()
            .await
            .context("cannot close the database")?;
        Ok::<bool, anyhow::Error>(report.kept == 0)
    };
    tokio::select! {
        done = sweeping => Ok(status(done?)),
        status = signals.next() => stopped(status),
    }
}

async fn verify(config: &VerifyConfig) -> anyhow::Result<ExitCode> {
    telemetry::init_tracing(LogFormat::Text, "warn");
    let mut signals = Signals::install()?;
    let progress = Progress::default();
    let verifying = async {
        let state = match &config.state {
            Some(path) => Some((path.clone(), Mark::read(path)?)),
            None => None,
        };
        let job = Verification {
            store: open_store(&config.files).await?,
            client: open_link(&config.files.files, true).await?,
            tenants: config.files.tenants.clone(),
            rate_limiter: RateLimiter::new(config.max_bytes_per_second),
            state,
        };
        let mut out = Lines::new(config.files.json);
        let report = files::verify(&job, &progress, &mut |it| out.problem(&it)).await?;
        out.verified(&report);
        out.end()?;
        job.store
            .close()
            .await
            .context("cannot close the database")?;
        Ok::<ExitCode, anyhow::Error>(match (report.problems, report.unverified) {
            (0, 0) => ExitCode::SUCCESS,
            (0, _) => ExitCode::from(UNVERIFIED_STATUS),
            _ => ExitCode::FAILURE,
        })
    };
    tokio::select! {
        done = verifying => done,
        never = progress::show(progress::of_run(&progress)) => match never {},
        status = signals.next() => stopped(status),
    }
}

fn status(is_good: bool) -> ExitCode {
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn open_store(config: &FilesConfig) -> anyhow::Result<Arc<dyn Store>> {
    let opened = store::open_beside(&config.database).await;
    opened.with_context(|| format!("cannot open the database {}", config.database))
}

/// What is printed, in words or as JSON, as it is found: nothing is lost when the rest is stopped.
struct Lines {
    json: bool,
    outcome: io::Result<()>,
}

impl Lines {
    fn new(json: bool) -> Self {
        Self {
            json,
            outcome: Ok(()),
        }
    }

    /// An error of the output is told at the end: what is being removed goes on.
    fn line(&mut self, object: &Value, words: &str) {
        if self.outcome.is_ok() {
            let text = if self.json {
                object.to_string()
            } else {
                // What a storage said may have lines of its own.
                words.replace(char::is_control, " ")
            };
            let mut out = io::stdout().lock();
            self.outcome = writeln!(out, "{text}").and_then(|()| out.flush());
        }
    }

    fn end(self) -> anyhow::Result<()> {
        self.outcome.context("cannot write to standard output")
    }

    fn found(&mut self, found: &Found) {
        let Found {
            key,
            size_bytes,
            modified_at,
            fate,
        } = found;
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
        self.line(&object, &words);
    }

    fn remark(&mut self, remark: &str) {
        self.line(&json!({"remark": remark}), remark);
    }

    fn swept(&mut self, report: &SweepReport) {
        let SweepReport {
            seen,
            orphans,
            removed,
            of_no_tenant,
            kept,
            ageless,
            others,
            remarks,
        } = report;
        for remark in remarks {
            self.remark(remark);
        }
        let object = json!({"sum": {
            "files": seen.files, "bytes": seen.bytes,
            "orphans": orphans.files, "orphan_bytes": orphans.bytes,
            "removed": removed.files, "removed_bytes": removed.bytes,
            "of_no_tenant": of_no_tenant.files, "of_no_tenant_bytes": of_no_tenant.bytes,
            "kept": kept, "of_unknown_age": ageless, "other_objects": others,
        }});
        let words = format!(
            "{} files of {} bytes; orphans: {} of {} bytes; of no tenant: {} of {} bytes; removed: {} of \
             {} bytes; could not be removed: {kept}; of unknown age: {ageless}; other objects: {others}",
            seen.files,
            seen.bytes,
            orphans.files,
            orphans.bytes,
            of_no_tenant.files,
            of_no_tenant.bytes,
            removed.files,
            removed.bytes,
        );
        self.line(&object, &words);
    }

    fn problem(&mut self, problem: &Problem) {
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
            "recorded": recorded.as_ref().map(fingerprint),
            "found": found.as_ref().map(fingerprint),
            "reason": reason,
        });
        let why = reason
            .as_ref()
            .map_or(String::new(), |it| format!(": {it}"));
        let words = if let Some((event_id, file_id)) = file {
            let side = |it: &Option<FileRecord>| it.as_ref().map_or("nothing".to_owned(), words);
            let (recorded, found) = (side(recorded), side(found));
            format!(
                "{kind} {database_name}/{file_id} of event {event_id}: recorded {recorded}; found \
                 {found}{why}"
            )
        } else {
            format!("{kind} tenant '{database_name}'{why}")
        };
        self.line(&object, &words);
    }

    fn verified(&mut self, report: &VerifyReport) {
        let VerifyReport {
            files,
            bytes,
            problems,
            unverified,
        } = report;
        let object = json!({"sum": {
            "files": files, "bytes": bytes, "problems": problems, "unverified": unverified,
        }});
        let words = format!(
            "{files} files looked at, {bytes} bytes are as recorded, {problems} problems, {unverified} \
             files could not be verified"
        );
        self.line(&object, &words);
    }
}

fn fingerprint(record: &FileRecord) -> Value {
    json!({
        "size_bytes": record.size_bytes,
        "sha256": record.sha256.map(|it| it.to_string()),
        "etag": record.etag,
        "version_id": record.version_id,
    })
}

fn words(record: &FileRecord) -> String {
    let mut parts = vec![format!("{} bytes", record.size_bytes)];
    parts.extend(record.sha256.map(|it| format!("SHA-256 {it}")));
    parts.extend(record.etag.as_ref().map(|it| format!("ETag {it}")));
    parts.join(", ")
}
