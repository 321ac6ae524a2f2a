//! Sends events, many at once.

use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::{Client, Error};

/// The service takes at most this many events at once.
const MAX_EVENTS: usize = 10_000;

/// A quarter of what the service takes at once: it holds several while it is busy, and so do proxies.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// zstd's fastest usual level: the network is seldom faster.
const ZSTD_LEVEL: i32 = 1;

/// Events to send at once.
#[derive(Debug, Default)]
pub struct Batch {
    /// One event a line.
    body: Vec<u8>,
    /// The length of `body` behind each event.
    ends: Vec<usize>,
}

/// What became of the events of a batch.
#[derive(Debug, Default, Deserialize)]
pub struct BatchAnswer {
    pub stored: u64,
    /// Stored before, with the same content.
    pub duplicates: u64,
    pub rejected: u64,
    /// Those that were not stored.
    pub results: Vec<EventResult>,
}

/// What became of one event.
#[derive(Debug, Deserialize)]
pub struct EventResult {
    /// The place in the batch, from 0.
    pub index: usize,
    pub event_id: Option<String>,
    pub outcome: Outcome,
    #[serde(default)]
    pub problems: Vec<EventProblem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Stored,
    Duplicate,
    Rejected,
}

/// Why an event was rejected.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct EventProblem {
    /// Where in the event: names of members and indices.
    pub loc: Vec<Value>,
    pub msg: String,
    #[serde(rename = "type")]
    pub kind: String,
}

impl Batch {
    /// Tells whether an event of `length` bytes may be added. An empty batch takes any.
    pub fn has_room_for(&self, length: usize) -> bool {
        let is_small = self.body.len() + length < MAX_BYTES && self.ends.len() < MAX_EVENTS;
        is_small || self.ends.is_empty()
    }

    /// Adds an event: its JSON without line breaks.
    pub fn push(&mut self, json: &str) {
        self.body.extend_from_slice(json.as_bytes());
        self.body.push(b'\n');
        self.ends.push(self.body.len());
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn clear(&mut self) {
        self.body.clear();
        self.ends.clear();
    }

    fn body_of(&self, from: usize, to: usize) -> &[u8] {
        let end = |count: usize| count.checked_sub(1).map_or(0, |last| self.ends[last]);
        &self.body[end(from)..end(to)]
    }
}

impl BatchAnswer {
    fn add(&mut self, other: Self, offset: usize) {
        let Self {
            stored,
            duplicates,
            rejected,
            results,
        } = other;
        self.stored += stored;
        self.duplicates += duplicates;
        self.rejected += rejected;
        self.results.extend(results.into_iter().map(|mut result| {
            result.index += offset;
            // `body` and the place in the batch, which `index` tells.
            for problem in &mut result.problems {
                problem.loc.drain(..problem.loc.len().min(2));
            }
            result
        }));
    }

    fn too_large(index: usize) -> Self {
        let problem = EventProblem {
            loc: Vec::new(),
            msg: "The event is larger than what the service, or a proxy before it, accepts"
                .to_owned(),
            kind: "too_large".to_owned(),
        };
        let result = EventResult {
            index,
            event_id: None,
            outcome: Outcome::Rejected,
            problems: vec![problem],
        };
        Self {
            rejected: 1,
            results: vec![result],
            ..Self::default()
        }
    }
}

impl Client {
    /// Sends a batch, and returns what became of its events once those that are stored are durable. Sending it again stores
    /// nothing. A batch that is too large for a proxy is sent in pieces.
    pub async fn send(&self, batch: &Batch) -> Result<BatchAnswer, Error> {
        let mut answer = BatchAnswer::default();
        let mut pieces = vec![(0, batch.len())];
        while let Some((from, to)) = pieces.pop() {
            let compressed = zstd::bulk::compress(batch.body_of(from, to), ZSTD_LEVEL);
            let compressed = compressed
                .map_err(|error| Error::Other(format!("cannot compress events: {error}")))?;
            match self.api.send_lines(&Bytes::from(compressed)).await {
                Ok(piece) => answer.add(piece, from),
                Err(Error::Refused { status, .. }) if status == StatusCode::PAYLOAD_TOO_LARGE => {
                    if to - from == 1 {
                        answer.add(BatchAnswer::too_large(0), from);
                    } else {
                        let middle = usize::midpoint(from, to);
                        pieces.extend([(middle, to), (from, middle)]);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(answer)
    }
}
