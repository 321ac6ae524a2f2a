//! Verification of files: reads every file that an event references and compares it with what was recorded.

mod file_check;
mod resume_state;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio::time::Instant;

use super::backend_errors::{retry, retry_file};
use super::event_scan::{EventBatch, EventScan};
use super::known_files::{KnownFiles, Seen};
use super::{Error, Phase, Progress};
use crate::domain::cause::chain;
use crate::domain::{
    DatabaseName, Event, EventFile, EventId, FileId, FileRecord, ObjectKey, Position, Tenant,
};
use crate::objects::transfer::StorageClient;
use crate::objects::{self, RateLimiter, Recorded, find_recorded};
use crate::store::Store;
use file_check::{FileCheck, check, parts_to_know};

pub use resume_state::ResumeState;

/// Files read at once: enough to hide the latency of small ones.
const CONCURRENCY: usize = 4;
/// The pauses after failed attempts to read a file whose storage responds.
const FILE_PAUSES: [Duration; 2] = [Duration::from_millis(500); 2];
/// The interval at which the resume state is written, which bounds what a killed run has to repeat.
const STATE_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct Job {
    pub store: Arc<dyn Store>,
    pub client: StorageClient,
    /// Empty: all tenants.
    pub tenants: BTreeSet<DatabaseName>,
    pub rate_limiter: RateLimiter,
    /// The path of the resume state, and its content.
    pub state: Option<(PathBuf, ResumeState)>,
}

/// A file that differs from its record or cannot be verified, or something that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub database_name: DatabaseName,
    /// `None`: the problem concerns the whole tenant.
    pub file: Option<(EventId, FileId)>,
    /// `missing`, `changed`, `unreadable`, or [`UNVERIFIED`], which does not count as a problem.
    pub kind: &'static str,
    pub recorded: Option<FileRecord>,
    pub found: Option<FileRecord>,
    pub reason: Option<String>,
}

/// The kind of a file that was read, but of which no digest is known.
pub const UNVERIFIED: &str = "unverified";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub files: u64,
    /// The bytes of files that match their records.
    pub bytes: u64,
    pub problems: u64,
    pub unverified: u64,
}

/// Reads the files of all events and passes each problem to `on_problem`.
pub async fn run(
    job: &Job,
    progress: &Progress,
    on_problem: &mut (dyn FnMut(Problem) + Send),
) -> Result<Report, Error> {
    let tenants = super::select_tenants(&*job.store, &job.tenants).await?;
    progress.begin(Phase::VerifyingFiles, tenants.len(), 0);
    let what = "read the id of the database";
    let id = retry(what, || job.store.id()).await;
    let id = id.map_err(|source| Error::Store { what, source })?;
    let resumed = match &job.state {
        Some((path, state)) => Some(state.clone().resume(path, id, &job.tenants)?),
        None => None,
    };
    let mut verification = Verification {
        job,
        progress,
        state: resumed.unwrap_or_default(),
        written_at: Instant::now(),
        on_problem,
    };
    for tenant in tenants {
        let name = tenant.database_name.as_str();
        let resume_at = verification.state.tenant.as_deref();
        if resume_at.is_none_or(|resume_at| name >= resume_at) {
            verification.tenant(&tenant).await?;
        }
        progress.end_tenant();
    }
    if let Some((path, _)) = &job.state {
        ResumeState::remove(path)?;
    }
    let ResumeState {
        files,
        bytes,
        problems,
        unverified,
        selection: _,
        tenant: _,
        client_id: _,
        time_us: _,
        event_id: _,
    } = verification.state;
    Ok(Report {
        files,
        bytes,
        problems,
        unverified,
    })
}

struct Verification<'a> {
    job: &'a Job,
    progress: &'a Progress,
    state: ResumeState,
    written_at: Instant,
    on_problem: &'a mut (dyn FnMut(Problem) + Send),
}

impl Verification<'_> {
    async fn tenant(&mut self, tenant: &Tenant) -> Result<(), Error> {
        let after = self.state.begin(tenant);
        let mut scan = EventScan::new(&*self.job.store, tenant, after);
        let mut known = KnownFiles::default();
        loop {
            let batch = match scan.next().await {
                Ok(Some(batch)) => batch,
                Ok(None) => return Ok(()),
                Err(error) if error.affects_one_tenant => {
                    self.problem(Problem {
                        database_name: tenant.database_name.clone(),
                        file: None,
                        kind: "unreadable",
                        recorded: None,
                        found: None,
                        reason: Some(error.to_string()),
                    });
                    return Ok(());
                }
                Err(error) => {
                    let (what, source) = ("read events", error.error);
                    return Err(Error::Store { what, source });
                }
            };
            self.batch(tenant, batch, &mut known).await?;
        }
    }

    async fn batch(
        &mut self,
        tenant: &Tenant,
        batch: EventBatch,
        known: &mut KnownFiles,
    ) -> Result<(), Error> {
        let last = batch.events.last().map(Event::position);
        let mut files = Vec::new();
        for event in batch.events {
            let event_id = event.id;
            let files_of_event = event.files.into_iter();
            let new = files_of_event.filter(|it| known.see(it) != Seen::WithThisRecord);
            files.extend(new.map(|file| (event_id, file)));
        }
        let (job, progress) = (self.job, self.progress);
        let mut reading = stream::iter(files)
            .map(async |(event_id, file)| {
                let outcome = verify_file(job, tenant, &file, progress).await;
                (event_id, file, outcome)
            })
            .buffered(CONCURRENCY);
        while let Some((event_id, file, outcome)) = reading.next().await {
            self.progress.advance(1);
            self.state.files += 1;
            let (kind, found, reason) = match outcome? {
                Outcome::Verified(bytes) => {
                    self.state.bytes += bytes;
                    continue;
                }
                Outcome::Unverified(reason) => (UNVERIFIED, None, Some(reason.to_owned())),
                Outcome::Missing => ("missing", None, None),
                Outcome::Changed(found) => ("changed", Some(*found), None),
                Outcome::Unreadable(reason) => ("unreadable", None, Some(reason)),
            };
            self.problem(Problem {
                database_name: tenant.database_name.clone(),
                file: Some((event_id, file.id)),
                kind,
                recorded: file.record,
                found,
                reason,
            });
        }
        drop(reading);
        if let Some(Position { time_us, event_id }) = last {
            (self.state.time_us, self.state.event_id) = (time_us, Some(event_id.uuid()));
        }
        self.write_state()
    }

    fn problem(&mut self, problem: Problem) {
        if problem.kind == UNVERIFIED {
            self.state.unverified += 1;
        } else {
            self.state.problems += 1;
        }
        (self.on_problem)(problem);
    }

    fn write_state(&mut self) -> Result<(), Error> {
        match &self.job.state {
            Some((path, _)) if self.written_at.elapsed() >= STATE_PAUSE => {
                self.written_at = Instant::now();
                self.state.write(path)
            }
            _ => Ok(()),
        }
    }
}

enum Outcome {
    /// The bytes match the record; their number.
    Verified(u64),
    /// The bytes were read, but no digest is known; the reason.
    Unverified(&'static str),
    Missing,
    Changed(Box<FileRecord>),
    Unreadable(String),
}

async fn verify_file(
    job: &Job,
    tenant: &Tenant,
    file: &EventFile,
    progress: &Progress,
) -> Result<Outcome, Error> {
    let key = ObjectKey {
        database_name: tenant.database_name.clone(),
        file_id: file.id,
    };
    let ping = async || {
        let what = "reach the storage of files";
        let pinged = retry(what, || job.client.objects.ping()).await;
        pinged.map_err(|source| Error::Objects { what, source })
    };
    let attempt = || read_and_check(job, &key, file.record.as_ref(), progress);
    let outcome = retry_file(&FILE_PAUSES, ping, attempt).await?;
    Ok(outcome.unwrap_or_else(|error| Outcome::Unreadable(chain(&error))))
}

async fn read_and_check(
    job: &Job,
    key: &ObjectKey,
    record: Option<&FileRecord>,
    progress: &Progress,
) -> Result<Outcome, objects::Error> {
    let Job {
        client,
        rate_limiter,
        ..
    } = job;
    let info = match record {
        Some(record) => match find_recorded(&*client.objects, key, record).await? {
            Recorded::Same(info) => info,
            Recorded::Other(info) => return Ok(Outcome::Changed(Box::new(info.record()))),
            Recorded::Missing => return Ok(Outcome::Missing),
        },
        None => match client.objects.head(key, None).await? {
            Some(info) => info,
            None => return Ok(Outcome::Missing),
        },
    };
    // The storage's own: a copied file has other versions than were recorded.
    let recorded = record.and_then(|record| record.version_id.as_ref());
    let version_id = recorded.and(info.version_id.as_deref());
    let part_sizes = match parts_to_know(record, &info) {
        Some(count) => {
            let objects = &client.objects;
            let sizes = objects.part_sizes(key, version_id, info.size_bytes, count);
            sizes.await?
        }
        None => None,
    };
    let read = client
        .checksums(key, version_id, part_sizes, rate_limiter, progress.bytes())
        .await?;
    Ok(match check(record, &info, &read) {
        FileCheck::Verified => Outcome::Verified(read.size_bytes),
        FileCheck::Unverified(reason) => Outcome::Unverified(reason),
        FileCheck::Changed(found) => Outcome::Changed(found),
    })
}
