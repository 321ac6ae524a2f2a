//! Finds where the events of an export end, as it arrives in pieces.

use serde::{Deserialize, Serialize};

use crate::domain::EventId;

/// Longer than any event with the records of its files.
const MAX_RECORD_BYTES: usize = 64 * 1024 * 1024;

const UUID_LENGTH: usize = 36;

/// How events are written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextFormat {
    /// One JSON object on each line.
    Ndjson,
    /// Comma-separated values, with a line of titles first.
    Csv,
}

impl TextFormat {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }
}

#[derive(Debug)]
pub(super) struct RecordBoundaries {
    format: TextFormat,
    /// The beginning of an event whose end has not arrived.
    pending: Vec<u8>,
    in_quotes: bool,
    /// The first line is no event.
    is_header: bool,
    last_id: Option<String>,
    count: u64,
}

impl RecordBoundaries {
    /// `has_header`: a CSV begins with the titles of its columns.
    pub(super) fn new(format: TextFormat, has_header: bool) -> Self {
        Self {
            format,
            pending: Vec::new(),
            in_quotes: false,
            is_header: has_header && format == TextFormat::Csv,
            last_id: None,
            count: 0,
        }
    }

    /// Takes the next piece, and returns everything up to the end of the last event that is complete.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Vec<u8>, &'static str> {
        let scanned = self.pending.len();
        self.pending.extend_from_slice(piece);
        let (mut start, mut last) = (0, None);
        for (index, byte) in self.pending.iter().enumerate().skip(scanned) {
            match byte {
                // A doubled quote within quotes ends them and begins them again.
                b'"' if self.format == TextFormat::Csv => self.in_quotes = !self.in_quotes,
                b'\n' if !self.in_quotes => {
                    if self.is_header {
                        self.is_header = false;
                    } else {
                        last = Some(start);
                        self.count += 1;
                    }
                    start = index + 1;
                }
                _ => {}
            }
        }
        if let Some(last) = last {
            let id = id_of(self.format, &self.pending[last..start]);
            self.last_id = Some(id.ok_or("a line is not an event")?);
        }
        if self.pending.len() - start > MAX_RECORD_BYTES {
            return Err("an event has no end");
        }
        let rest = self.pending.split_off(start);
        Ok(std::mem::replace(&mut self.pending, rest))
    }

    pub(super) fn is_within_record(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Returns the number of events that were completed since the last call.
    pub(super) fn take_count(&mut self) -> u64 {
        std::mem::take(&mut self.count)
    }

    /// Returns the id of the last event that is complete.
    pub(super) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }
}

fn id_of(format: TextFormat, record: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Event {
        event_id: String,
    }
    let id = match format {
        TextFormat::Ndjson => serde_json::from_slice::<Event>(record).ok()?.event_id,
        TextFormat::Csv => String::from_utf8(record.get(..UUID_LENGTH)?.to_vec()).ok()?,
    };
    EventId::parse(&id).ok().map(|_| id)
}

#[cfg(test)]
mod tests {
    use super::{RecordBoundaries, TextFormat};

    const IDS: [&str; 2] = [
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "7c9e6679-7425-40de-944b-e07fc1f90ae8",
    ];

    /// However a text is cut, only whole events come out, and all of them.
    #[test]
    fn events_are_whole_wherever_the_text_is_cut() {
        let [one, two] = IDS;
        let csv = format!("event_id,a\r\n{one},\"x\ny\"\"\n\"\r\n{two},\r\n");
        let ndjson = format!(
            "{{\"event_id\":\"{one}\",\"a\":\"\\\"\"}}\n{{\"a\":1,\"event_id\":\"{two}\"}}\n"
        );
        for (format, text) in [(TextFormat::Csv, csv), (TextFormat::Ndjson, ndjson)] {
            let ends: Vec<usize> = match format {
                TextFormat::Csv => vec![12, text.len() - two.len() - 3, text.len()],
                TextFormat::Ndjson => vec![text.find('\n').unwrap() + 1, text.len()],
            };
            for cut in 0..=text.len() {
                let mut boundaries = RecordBoundaries::new(format, true);
                let (first, rest) = text.as_bytes().split_at(cut);
                let mut whole = boundaries.push(first).unwrap();
                let expected = ends.iter().rev().find(|end| **end <= cut);
                assert_eq!(whole.len(), expected.copied().unwrap_or_default(), "{cut}");
                whole.extend(boundaries.push(rest).unwrap());
                assert_eq!(whole, text.as_bytes());
                assert_eq!(boundaries.last_id(), Some(two));
                assert_eq!(boundaries.take_count(), 2);
                assert!(!boundaries.is_within_record());
            }
        }
        let mut boundaries = RecordBoundaries::new(TextFormat::Ndjson, true);
        assert!(boundaries.push(b"<html>\n").is_err());
    }
}
