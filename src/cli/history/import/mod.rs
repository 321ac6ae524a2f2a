//! `event-history import`.

mod csv_rows;
mod mapping;
#[cfg(test)]
mod mapping_tests;
mod ndjson_events;
mod options;
mod resume;

use std::fmt::Write;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use indicatif::HumanBytes;
use tokio::time::Instant;

use self::csv_rows::CsvRows;
use self::mapping::Mapping;
use self::options::MappingOptions;
use self::resume::{Imported, Position, ResumeFile};
use super::delivery::{Delivery, Place};
use crate::cli::calls::open_client;
use crate::cli::process::{Signals, exit};
use crate::cli::terminal::{MIN_RATED, View, in_one_line, per_second, with_progress};
use crate::client::{Client, EventReader, InputEvent};
use crate::config::{ClientConfig, ImportArguments, Problems, local_time_zone};

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportOptions {
    /// File of events: what `export` wrote, other NDJSON, or a CSV
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Format of the file [default: by its name, else by its beginning]
    #[arg(long, value_enum)]
    format: Option<FileFormat>,
    /// Print what became of events as JSON, one object a line, and the totals last
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    mapping: MappingOptions,
    #[command(flatten)]
    client: ImportArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    Ndjson,
    Csv,
}

/// How far the import is, to be displayed.
#[derive(Debug, Clone, Default)]
struct Progress {
    bytes: Arc<AtomicU64>,
    rows: Arc<AtomicU64>,
}

/// Names rows that were rejected, and exits with status 1 if there were any.
pub(in crate::cli) async fn run(options: &ImportOptions) -> anyhow::Result<ExitCode> {
    let config = ClientConfig::load(&options.client)?;
    let name = options.file.display().to_string();
    let mut file = File::open(&options.file).with_context(|| format!("cannot open '{name}'"))?;
    let metadata = file
        .metadata()
        .with_context(|| format!("cannot read '{name}'"))?;
    if !metadata.is_file() {
        bail!("'{name}' is not a file: `send` takes events from pipes");
    }
    let format = match options.format {
        Some(format) => format,
        None => find_format(&options.file, &mut file)?,
    };
    if format == FileFormat::Ndjson && !options.mapping.is_empty() {
        let problem = "--map, --set, --field, --key, --delimiter and --typed are for CSV files";
        return Err(Problems(vec![problem.to_owned()]).into());
    }
    let client = open_client(&config)?;
    let resume = ResumeFile::new(&config, &options.file, &metadata, &options.mapping)?;
    let progress = Progress::default();
    let mut delivery = Delivery::new(&client, options.json);
    let import = async {
        let mut import = Import {
            file: name.clone().into(),
            delivery: &mut delivery,
            resume: &resume,
            progress: &progress,
        };
        match format {
            FileFormat::Csv => import.csv(file, &options.mapping, &client).await,
            FileFormat::Ndjson => import.ndjson(file).await,
        }
    };
    let view = view_of(&progress, &in_one_line(&name), metadata.len());
    let mut signals = Signals::install()?;
    signals.or_stopped(with_progress(view, import)).await?;
    resume.remove()?;
    delivery.report_totals()?;
    Ok(exit::success_if(delivery.totals.rejected == 0))
}

/// One run over a file.
struct Import<'a, 'b> {
    file: Arc<str>,
    delivery: &'a mut Delivery<'b>,
    resume: &'a ResumeFile,
    progress: &'a Progress,
}

impl Import<'_, '_> {
    async fn csv(
        &mut self,
        file: File,
        options: &MappingOptions,
        client: &Client,
    ) -> anyhow::Result<()> {
        let mut rows = CsvRows::open(file, options.delimiter()?)?;
        let catalogue = client.catalogue().await?;
        let mapping = Mapping::new(options, rows.titles(), catalogue, local_time_zone())?;
        if let Some(position) = self.resumed()? {
            rows.seek(position)?;
        }
        loop {
            let before = rows.position();
            let Some((line, row)) = rows.next()? else {
                break;
            };
            let event = row.and_then(|row| mapping.event(&row));
            self.add(before, line, event).await?;
            self.count(before.offset);
        }
        self.delivery.flush().await
    }

    async fn ndjson(&mut self, mut file: File) -> anyhow::Result<()> {
        let mut events = match self.resumed()? {
            Some(Position { offset, line, .. }) => {
                file.seek(SeekFrom::Start(offset))?;
                EventReader::resume(file, offset, line)
            }
            None => EventReader::new(file),
        };
        loop {
            let before = Position {
                offset: events.offset(),
                line: events.next_line(),
                record: 0,
            };
            let Some(event) = events.next() else { break };
            let InputEvent { line, json } = event.with_context(|| self.file.to_string())?;
            let event = json.map_err(str::to_owned);
            let event = event.map(|json| ndjson_events::event(&json));
            // Elsewhere than between lines, an interrupted import starts over.
            let before = if events.is_by_line() {
                before
            } else {
                Position::default()
            };
            self.add(before, line, event).await?;
            self.count(events.offset());
        }
        self.delivery.flush().await
    }

    fn count(&self, offset: u64) {
        self.progress.bytes.store(offset, Ordering::Relaxed);
        self.progress.rows.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds an event, or a row that is none. `before` is the position that it was read from.
    async fn add(
        &mut self,
        before: Position,
        line: u64,
        event: Result<String, String>,
    ) -> anyhow::Result<()> {
        let file = Arc::clone(&self.file);
        let place = Place { file, line };
        match event {
            Err(problem) => self.delivery.reject(&place, &problem),
            Ok(json) => {
                if !self.delivery.has_room_for(&json) {
                    self.delivery.flush().await?;
                    if before.offset > 0 {
                        self.resume.write(before, self.delivery.totals)?;
                    }
                }
                self.delivery.push(place, &json, None);
            }
        }
        Ok(())
    }

    /// Returns where an earlier run was interrupted, and counts what it did.
    fn resumed(&mut self) -> anyhow::Result<Option<Position>> {
        let Some(Imported {
            position, totals, ..
        }) = self.resume.read()?
        else {
            return Ok(None);
        };
        tracing::warn!(
            "continuing at line {}, where an earlier run ended",
            position.line
        );
        self.delivery.totals = totals;
        Ok(Some(position))
    }
}

fn find_format(path: &Path, file: &mut File) -> anyhow::Result<FileFormat> {
    let extension = path.extension().and_then(|it| it.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("csv" | "tsv") => return Ok(FileFormat::Csv),
        Some("ndjson" | "jsonl" | "json") => return Ok(FileFormat::Ndjson),
        _ => {}
    }
    let mut beginning = [0; 4096];
    let length = file.read(&mut beginning)?;
    file.rewind()?;
    let mut bytes = beginning[..length].iter();
    let first = bytes.find(|byte| !byte.is_ascii_whitespace());
    Ok(match first {
        Some(b'{' | b'[') => FileFormat::Ndjson,
        _ => FileFormat::Csv,
    })
}

fn view_of(progress: &Progress, name: &str, total: u64) -> impl FnMut() -> View + use<> {
    let (progress, name, begin) = (progress.clone(), name.to_owned(), Instant::now());
    move || {
        let done = progress.bytes.load(Ordering::Relaxed);
        let rows = progress.rows.load(Ordering::Relaxed);
        let (shown, of) = (HumanBytes(done), HumanBytes(total));
        let mut line = format!("importing '{name}': {shown} of {of}, {rows} rows");
        let elapsed = begin.elapsed();
        if elapsed >= MIN_RATED {
            _ = write!(line, ", {}/s", per_second(rows, elapsed));
        }
        View { done, total, line }
    }
}
