//! Exports a history: as it comes, or into a file that appears once it is complete.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tempfile::TempPath;

use super::record_boundaries::{RecordBoundaries, TextFormat};
use crate::client::error::failed;
use crate::client::{Client, Error, Parameters};
use crate::domain::cause::chain;
use crate::durable_file::{self, sync_folder_of};
use crate::retry::Transient;

/// How much is written at most before its place is remembered.
const MAX_UNREMEMBERED_BYTES: u64 = 64 * 1024 * 1024;
const MAX_UNREMEMBERED: Duration = Duration::from_secs(1);

/// The answer of the service names its end in this header.
const CURSOR_HEADER: &str = "event-history-cursor";

/// An export takes as long as it takes; only a stall ends it.
const TIMEOUT: Duration = Duration::from_hours(365 * 24);
const STALL_TIMEOUT: Duration = Duration::from_mins(2);

/// The events to export, and how to write them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    pub format: TextFormat,
    pub filters: Parameters,
}

/// How far an export is.
#[derive(Debug, Clone, Default)]
pub struct ExportProgress {
    pub events: Arc<AtomicU64>,
    /// Those of `events` that an earlier run wrote.
    pub skipped: Arc<AtomicU64>,
}

/// The beginning of an export that was written, to be continued. What was exported tells whether it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    service: String,
    client_id: String,
    format: TextFormat,
    filters: Vec<(String, String)>,
    /// The cursor of the end.
    until: String,
    events: u64,
    bytes: u64,
    last_event_id: Option<String>,
}

/// Where the events go, whole ones only.
trait Sink {
    fn write(&mut self, text: &[u8]) -> Result<(), Error>;
    /// Makes sure that what was written can be continued.
    fn remember(&mut self, written: &Written) -> Result<(), Error>;
}

impl Client {
    /// Exports into `out`, which errors call `path`. Returns the number of events.
    pub async fn export_into(
        &self,
        export: &Export,
        out: impl Write,
        path: &Path,
        progress: &ExportProgress,
    ) -> Result<u64, Error> {
        let mut sink = Stream { out, path };
        let written = self.run_export(export, &mut sink, None, progress).await?;
        sink.out.flush().map_err(failed("write", path))?;
        Ok(written.events)
    }

    /// Exports into a file. An existing one is only replaced with `force`. Until it is complete, the events are in a file
    /// beside it; after a crash, the same export resumes from there. Returns the number of events.
    pub async fn export_to(
        &self,
        export: &Export,
        path: &Path,
        force: bool,
        progress: &ExportProgress,
    ) -> Result<u64, Error> {
        if !force && path.symlink_metadata().is_ok() {
            let path = path.display();
            return Err(Error::Other(format!(
                "'{path}' already exists: --force replaces it"
            )));
        }
        let (mut sink, written) = PartialFile::open(path, |it| self.is_of(it, export))?;
        let is_continued = written.is_some();
        let mut outcome = self.run_export(export, &mut sink, written, progress).await;
        if let Err(error) = &outcome
            && is_continued
            && is_gone(error)
        {
            tracing::warn!("cannot continue, starting over: {}", chain(error));
            sink.start_over()?;
            outcome = self.run_export(export, &mut sink, None, progress).await;
        }
        if outcome.is_err() {
            sink.remove_if_empty();
        }
        let written = outcome?;
        sink.complete(path, force)?;
        Ok(written.events)
    }

    fn is_of(&self, written: &Written, export: &Export) -> bool {
        let [service, client_id] = self.api.destination();
        written.service == service
            && written.client_id == client_id
            && written.format == export.format
            && written.filters == owned(&export.filters)
    }

    /// Continues behind what was written until everything is, whatever connections break meanwhile.
    async fn run_export(
        &self,
        export: &Export,
        sink: &mut impl Sink,
        written: Option<Written>,
        progress: &ExportProgress,
    ) -> Result<Written, Error> {
        let skipped = written.as_ref().map_or(0, |it| it.events);
        progress.skipped.store(skipped, Ordering::Relaxed);
        progress.events.store(skipped, Ordering::Relaxed);
        let mut written = written;
        let begin = Instant::now();
        let (mut pause, mut paused) = (self.retry.first_pause, Duration::ZERO);
        loop {
            let before = written.as_ref().map_or(0, |it| it.events);
            let attempt = self.attempt_export(export, sink, &mut written, progress);
            let error = match attempt.await {
                Ok(()) => break,
                Err(error) => error,
            };
            // Connections may break any number of times.
            if written.as_ref().map_or(0, |it| it.events) > before {
                (pause, paused) = (self.retry.first_pause, Duration::ZERO);
            }
            let is_allowed = self
                .retry
                .limit
                .allows(begin.elapsed() + pause, paused + pause);
            if !error.is_transient() || !is_allowed {
                return Err(error);
            }
            let seconds = pause.as_secs_f32();
            tracing::warn!("cannot export, retrying in {seconds} s: {}", chain(&error));
            tokio::time::sleep(pause).await;
            paused += pause;
            pause = (pause * 2).min(self.retry.longest_pause);
        }
        written.ok_or_else(|| answer_error("it has no cursor"))
    }

    async fn attempt_export(
        &self,
        export: &Export,
        sink: &mut impl Sink,
        written: &mut Option<Written>,
        progress: &ExportProgress,
    ) -> Result<(), Error> {
        let mut query = export.filters.clone();
        query.push(("format", export.format.name().to_owned()));
        if let Some(written) = written {
            query.push(("until", written.until.clone()));
            let last = written.last_event_id.clone();
            query.extend(last.map(|id| ("after_event", id)));
        }
        let (mut response, until) = self.api.export(&query, CURSOR_HEADER, TIMEOUT).await?;
        let until = until.ok_or_else(|| answer_error("it has no cursor"))?;
        let [service, client_id] = self.api.destination();
        let written = written.get_or_insert_with(|| Written {
            service: service.to_owned(),
            client_id: client_id.to_owned(),
            format: export.format,
            filters: owned(&export.filters),
            until,
            events: 0,
            bytes: 0,
            last_event_id: None,
        });
        let has_header = written.last_event_id.is_none();
        let mut boundaries = RecordBoundaries::new(export.format, has_header);
        let mut remembered = (Instant::now(), written.bytes);
        // The titles of a CSV, which are written together with the first event: without one nothing could be continued.
        let mut held = Vec::new();
        loop {
            let chunk = tokio::time::timeout(STALL_TIMEOUT, response.chunk()).await;
            let chunk = chunk.map_err(|_| Error::stalled("the service"))?;
            let chunk: Option<Bytes> = chunk.map_err(Error::service_unreachable)?;
            let Some(chunk) = chunk else { break };
            held.extend(boundaries.push(&chunk).map_err(answer_error)?);
            let Some(id) = boundaries.last_id() else {
                continue;
            };
            sink.write(&held)?;
            written.last_event_id = Some(id.to_owned());
            written.bytes += held.len() as u64;
            written.events += boundaries.take_count();
            held.clear();
            progress.events.store(written.events, Ordering::Relaxed);
            let (at, bytes) = remembered;
            let is_due =
                at.elapsed() >= MAX_UNREMEMBERED || written.bytes - bytes >= MAX_UNREMEMBERED_BYTES;
            if is_due {
                sink.remember(written)?;
                remembered = (Instant::now(), written.bytes);
            }
        }
        if boundaries.is_within_record() {
            return Err(answer_error("it ends within an event"));
        }
        sink.write(&held)?;
        Ok(())
    }
}

struct Stream<'a, W> {
    out: W,
    path: &'a Path,
}

impl<W: Write> Sink for Stream<'_, W> {
    fn write(&mut self, text: &[u8]) -> Result<(), Error> {
        self.out.write_all(text).map_err(failed("write", self.path))
    }

    fn remember(&mut self, _: &Written) -> Result<(), Error> {
        self.out.flush().map_err(failed("write", self.path))
    }
}

/// A file beside the target, and another one that tells what is in it.
struct PartialFile {
    file: std::fs::File,
    path: PathBuf,
    state: PathBuf,
}

impl PartialFile {
    /// Opens what an earlier run wrote of the same export, without what was written behind the place it remembered.
    fn open(
        target: &Path,
        is_same: impl FnOnce(&Written) -> bool,
    ) -> Result<(Self, Option<Written>), Error> {
        let (path, state) = (beside(target, ".partial"), beside(target, ".partial.json"));
        let written: Option<Written> =
            durable_file::read_json_if_valid(&state).map_err(failed("read", &state))?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(failed("write", &path))?;
        let length = file.metadata().map_err(failed("read", &path))?.len();
        let written = written.filter(|it| is_same(it) && it.bytes <= length);
        let bytes = written.as_ref().map_or(0, |it| it.bytes);
        file.set_len(bytes)
            .and_then(|()| file.seek(SeekFrom::Start(bytes)))
            .map_err(failed("write", &path))?;
        Ok((Self { file, path, state }, written))
    }

    /// Leaves no trace of an export that wrote nothing.
    fn remove_if_empty(&self) {
        if self.file.metadata().is_ok_and(|it| it.len() == 0) {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    fn start_over(&mut self) -> Result<(), Error> {
        durable_file::remove(&self.state).map_err(failed("remove", &self.state))?;
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(failed("write", &self.path))
    }

    fn complete(self, target: &Path, force: bool) -> Result<(), Error> {
        let Self { file, path, state } = self;
        file.sync_all().map_err(failed("write", &path))?;
        drop(file);
        let partial = TempPath::try_from_path(&path).map_err(failed("rename", &path))?;
        let renamed = if force {
            partial.persist(target)
        } else {
            partial.persist_noclobber(target)
        };
        if let Err(error) = renamed {
            let _ = error.path.keep(); // it can still be continued
            return Err(failed("write", target)(error.error));
        }
        durable_file::remove(&state).map_err(failed("remove", &state))?;
        sync_folder_of(target).map_err(failed("write", target))
    }
}

impl Sink for PartialFile {
    fn write(&mut self, text: &[u8]) -> Result<(), Error> {
        self.file
            .write_all(text)
            .map_err(failed("write", &self.path))
    }

    fn remember(&mut self, written: &Written) -> Result<(), Error> {
        self.file.sync_data().map_err(failed("write", &self.path))?;
        durable_file::write_json(&self.state, written).map_err(failed("write", &self.state))
    }
}

fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut path = target.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

fn owned(parameters: &Parameters) -> Vec<(String, String)> {
    let pairs = parameters.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

fn answer_error(problem: &'static str) -> Error {
    Error::Answer {
        request: "export",
        cause: problem.into(),
    }
}

/// A refusal because what the export was to continue from is gone, so that it has to start over.
fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Refused { status, .. }
        if *status == StatusCode::NOT_FOUND || *status == StatusCode::BAD_REQUEST)
}
