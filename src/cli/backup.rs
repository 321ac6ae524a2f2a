//! `event-history backup`, `verify-backup` and `restore`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use indicatif::HumanBytes;

use super::process::Signals;
use super::process::exit::success_if;
use super::terminal::{in_one_line, of_job, print, with_progress};
use crate::config::{
    BackupArguments, BackupConfig, LogFormat, RestoreArguments, RestoreConfig,
    VerifyBackupArguments, VerifyBackupConfig,
};
use crate::domain::{SystemClock, SystemEntropy};
use crate::jobs::Progress;
use crate::jobs::backup::{self, Created, Job, RestoreJob, Restored, Target, Verified};
use crate::objects::{self, BlobLocation};
use crate::{store, telemetry};

/// The status is 1 if something could not be backed up.
pub(super) async fn create(arguments: &BackupArguments) -> anyhow::Result<ExitCode> {
    let config = BackupConfig::load(arguments)?;
    let store::Location::Sqlite { folder } = config.database else {
        bail!(
            "{} is not a folder: ClickHouse makes its backups itself (BACKUP)",
            config.database
        );
    };
    let files = match config.files {
        objects::Location::Embedded { folder, .. } => Some(folder),
        objects::Location::S3 { .. } => None,
    };
    telemetry::init_tracing(LogFormat::Text, "warn");
    let job = Job {
        scratch: config.scratch.unwrap_or_else(|| folder.clone()),
        data: folder,
        files,
        target: open(&config.target).await?,
        is_full: config.full,
        program: env!("BUILD_VERSION").to_owned(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let progress = Progress::default();
    let creating = async { Ok(backup::create(&job, &progress).await?) };
    let created = stoppable(&progress, creating).await?;
    let Created {
        name,
        databases,
        files,
        bytes,
        unchanged,
        stored_bytes,
        problems,
    } = created;
    let mut lines = vec![format!(
        "backup {name}: {databases} databases and {files} files, {}; {unchanged} unchanged, {} sent",
        HumanBytes(bytes),
        HumanBytes(stored_bytes)
    )];
    if job.files.is_none() {
        lines.push("files are in a bucket, which needs a backup of its own".to_owned());
    }
    lines.extend(beginning_with("not backed up: ", &problems));
    print_lines(&lines)?;
    Ok(success_if(problems.is_empty()))
}

/// The status is 1 if something is damaged or missing.
pub(super) async fn verify(arguments: &VerifyBackupArguments) -> anyhow::Result<ExitCode> {
    let config = VerifyBackupConfig::load(arguments)?;
    telemetry::init_tracing(LogFormat::Text, "warn");
    let target = open(&config.target).await?;
    let progress = Progress::default();
    let mut printed = Ok(());
    let mut on_problem = |problem: &str| {
        if printed.is_ok() {
            printed = print(&format!("damaged: {}\n", in_one_line(problem))).map(drop);
        }
    };
    let verifying = async {
        let only = config.backup.as_deref();
        Ok(backup::verify(&target, only, &progress, &mut on_problem).await?)
    };
    let verified = stoppable(&progress, verifying).await?;
    printed?;
    let Verified {
        backups,
        unfinished,
        chunks,
        bytes,
        lacking,
        problems,
    } = verified;
    let mut lines: Vec<String> = beginning_with("not backed up: ", &lacking).collect();
    lines.extend(beginning_with("unfinished: backup ", &unfinished));
    lines.extend(beginning_with("complete: backup ", &backups));
    lines.push(format!(
        "{chunks} chunks read, {}; damaged or missing: {problems}",
        HumanBytes(bytes)
    ));
    print_lines(&lines)?;
    Ok(success_if(problems == 0))
}

/// The status is 1 if the backup lacks something.
pub(super) async fn restore(arguments: &RestoreArguments) -> anyhow::Result<ExitCode> {
    let config = RestoreConfig::load(arguments)?;
    telemetry::init_tracing(LogFormat::Text, "warn");
    let job = RestoreJob {
        target: open(&config.target).await?,
        backup: config.backup,
        data: config.data_dir,
    };
    let progress = Progress::default();
    let restoring = async { Ok(backup::restore(&job, &progress).await?) };
    let Restored {
        name,
        as_of,
        databases,
        files,
        bytes,
        problems,
    } = stoppable(&progress, restoring).await?;
    let mut lines = vec![format!(
        "restored backup {name} into '{}': {databases} databases and {files} files, {}, with everything acknowledged \
         before {as_of}",
        job.data.display(),
        HumanBytes(bytes)
    )];
    lines.extend(beginning_with("missing: ", &problems));
    print_lines(&lines)?;
    Ok(success_if(problems.is_empty()))
}

async fn open(location: &BlobLocation) -> anyhow::Result<Target> {
    let opened = objects::open_blobs(location, Arc::new(SystemClock)).await;
    let blobs = opened.with_context(|| format!("cannot use the target {location}"))?;
    Ok(Target::new(blobs))
}

/// Shows progress until the work is done or a signal stops it.
async fn stoppable<T>(
    progress: &Progress,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let mut signals = Signals::install()?;
    let outcome = signals
        .or_stopped(with_progress(of_job(progress), work))
        .await;
    signals.exit_at_next();
    outcome
}

fn beginning_with<'a>(
    beginning: &'a str,
    texts: &'a [String],
) -> impl Iterator<Item = String> + 'a {
    texts.iter().map(move |text| format!("{beginning}{text}"))
}

fn print_lines(lines: &[String]) -> anyhow::Result<()> {
    let lines: Vec<_> = lines.iter().map(|line| in_one_line(line)).collect();
    print(&format!("{}\n", lines.join("\n"))).map(drop)
}
