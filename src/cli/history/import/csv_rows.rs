//! Reads a CSV (RFC 4180) a row at a time, whatever is in it.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use anyhow::{Context, bail};
use csv::ByteRecord;

use super::resume::Position;

/// A row of an event of 1 MiB, in which every character is a quote and so doubled, and some more. Without a limit, a quote
/// that is missing would make the rest of the file one cell.
const MAX_ROW_BYTES: u64 = 4 * 1024 * 1024;

/// More columns than any spreadsheet has.
const MAX_COLUMNS: usize = 20_000;

/// The cells of a row, or what is wrong with it.
pub(super) type Row = Result<Vec<String>, String>;

pub(super) struct CsvRows {
    reader: csv::Reader<Limited>,
    /// The bytes that may still be read of the row.
    left: Rc<Cell<u64>>,
    titles: Vec<String>,
    /// Lines end in CR and LF, of which the reader leaves the LF to the next row.
    has_crlf: bool,
}

impl CsvRows {
    /// Reads the titles.
    pub(super) fn open(mut file: File, delimiter: u8) -> anyhow::Result<Self> {
        let has_crlf = has_crlf(&mut file).context("cannot read")?;
        let left = Rc::new(Cell::new(MAX_ROW_BYTES));
        let input = Limited {
            file,
            left: Rc::clone(&left),
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .from_reader(input);
        let titles = reader.byte_headers().context("cannot read the titles")?;
        if titles.len() > MAX_COLUMNS {
            bail!("it has more than {MAX_COLUMNS} columns");
        }
        let titles = titles.iter().enumerate().map(|(index, title)| {
            let title = String::from_utf8_lossy(title);
            let mark = if index == 0 { "\u{feff}" } else { "" };
            title.trim_start_matches(mark).trim().to_owned()
        });
        Ok(Self {
            titles: titles.collect(),
            reader,
            left,
            has_crlf,
        })
    }

    pub(super) fn titles(&self) -> &[String] {
        &self.titles
    }

    pub(super) fn seek(&mut self, position: Position) -> anyhow::Result<()> {
        let Position {
            offset,
            line,
            record,
        } = position;
        let mut target = csv::Position::new();
        target.set_byte(offset).set_line(line).set_record(record);
        self.left.set(MAX_ROW_BYTES);
        self.reader
            .seek(target)
            .context("cannot continue in the file")
    }

    /// Returns the position of the next row.
    pub(super) fn position(&self) -> Position {
        let position = self.reader.position();
        Position {
            offset: position.byte(),
            line: position.line(),
            record: position.record(),
        }
    }

    /// Returns the line of the next row, and its cells, or what is wrong with it.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<(u64, Row)>> {
        self.left.set(MAX_ROW_BYTES);
        let mut record = ByteRecord::new();
        let before = self.reader.position().line();
        let is_there = self.reader.read_byte_record(&mut record);
        if !is_there.with_context(|| format!("line {before}"))? {
            return Ok(None);
        }
        // Empty lines before the row were skipped.
        let within = record.as_slice().iter().filter(|byte| **byte == b'\n');
        let own = u64::from(!self.has_crlf);
        let end = self.reader.position().line();
        let line = before.max(end.saturating_sub(within.count() as u64 + own));
        let (found, expected) = (record.len(), self.titles.len());
        if found != expected {
            let problem = format!("it has {found} cells, and the first line {expected}");
            return Ok(Some((line, Err(problem))));
        }
        let cells = record.iter().map(|cell| String::from_utf8(cell.to_vec()));
        let cells: Result<Vec<String>, _> = cells.collect();
        Ok(Some((
            line,
            cells.map_err(|_| "it is not UTF-8".to_owned()),
        )))
    }
}

fn has_crlf(file: &mut File) -> io::Result<bool> {
    let mut beginning = vec![0; 64 * 1024];
    let length = file.read(&mut beginning)?;
    file.rewind()?;
    let end = beginning[..length].iter().position(|byte| *byte == b'\n');
    Ok(end.is_some_and(|end| end > 0 && beginning[end - 1] == b'\r'))
}

/// A file of whose every row only so much is read.
struct Limited {
    file: File,
    left: Rc<Cell<u64>>,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let Some(left) = self.left.get().checked_sub(read as u64) else {
            let problem = "a row is longer than 4 MiB: is a quote missing?";
            return Err(io::Error::other(problem));
        };
        self.left.set(left);
        Ok(read)
    }
}

impl Seek for Limited {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        self.file.seek(target)
    }
}
