//! Sends events in batches and reports what became of them.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cli::terminal::{Reader, print, visible};
use crate::client::{Batch, BatchAnswer, Client, EventProblem, EventResult, Outcome};
use crate::domain::EventId;

/// Lines with the same problem that are named for people one by one; the others are counted. Programs are told of each.
const MAX_ALIKE: u64 = 10;

/// Problems that are counted: those beyond are named, all of them.
const MAX_PROBLEMS: usize = 1000;

/// Where an event was written.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    pub(super) line: u64,
}

/// The events of one run of a command so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Totals {
    pub(super) stored: u64,
    pub(super) duplicates: u64,
    pub(super) rejected: u64,
}

/// Events on their way to the service.
#[derive(Debug)]
pub(super) struct Delivery<'a> {
    client: &'a Client,
    /// Reports on standard output, for programs.
    json: bool,
    batch: Batch,
    places: Vec<Place>,
    /// The ids that events of the batch were given, to be printed before they are sent.
    new_ids: String,
    pub(super) totals: Totals,
    /// The number of events by their problem.
    rejected: HashMap<String, u64>,
    /// The last event whose fate is known.
    pub(super) settled: Option<Place>,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(client: &'a Client, json: bool) -> Self {
        Self {
            client,
            json,
            batch: Batch::default(),
            places: Vec::new(),
            new_ids: String::new(),
            totals: Totals::default(),
            rejected: HashMap::new(),
            settled: None,
        }
    }

    /// Tells whether an event can be added before what waits is sent.
    pub(super) fn has_room_for(&self, json: &str) -> bool {
        self.batch.has_room_for(json.len())
    }

    /// Adds an event.
    pub(super) fn push(&mut self, place: Place, json: &str, new_id: Option<EventId>) {
        if let Some(id) = new_id {
            _ = if self.json {
                let Place { file, line } = &place;
                let report = json!({"file": &**file, "line": line, "new_event_id": id.to_string()});
                writeln!(self.new_ids, "{report}")
            } else {
                writeln!(self.new_ids, "{id}")
            };
        }
        self.batch.push(json);
        self.places.push(place);
    }

    /// Reports an event that cannot be sent.
    pub(super) fn reject(&mut self, place: &Place, problem: &str) {
        self.totals.rejected += 1;
        let problem = EventProblem {
            loc: Vec::new(),
            msg: problem.to_owned(),
            kind: "unreadable".to_owned(),
        };
        self.report(place, None, Outcome::Rejected, &[problem]);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Sends what waits.
    pub(super) async fn flush(&mut self) -> anyhow::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        if !self.new_ids.is_empty() {
            // Whoever reads them or not, the events are to be stored.
            let _: Reader = print(&self.new_ids)?;
            self.new_ids.clear();
        }
        let answer = self.client.send(&self.batch).await?;
        let BatchAnswer {
            stored,
            duplicates,
            rejected,
            results,
        } = answer;
        self.totals.stored += stored;
        self.totals.duplicates += duplicates;
        self.totals.rejected += rejected;
        let places = std::mem::take(&mut self.places);
        for EventResult {
            index,
            event_id,
            outcome,
            problems,
        } in results
        {
            if let Some(place) = places.get(index) {
                self.report(place, event_id.as_deref(), outcome, &problems);
            }
        }
        self.settled = places.into_iter().next_back();
        self.batch.clear();
        Ok(())
    }

    /// Reports the totals: for people on standard error, for programs as the last line.
    #[expect(clippy::print_stderr, reason = "not part of the result")]
    pub(super) fn report_totals(&self) -> anyhow::Result<()> {
        let Totals {
            stored,
            duplicates,
            rejected,
        } = self.totals;
        if self.json {
            let totals = json!({"stored": stored, "duplicates": duplicates, "rejected": rejected});
            let _: Reader = print(&format!("{totals}\n"))?;
        } else {
            let mut more: Vec<_> = self.rejected.iter().collect();
            more.retain(|(_, count)| **count > MAX_ALIKE);
            more.sort();
            for (problems, count) in more {
                let count = count - MAX_ALIKE;
                eprintln!("{count} more rejected: {problems}");
            }
            eprintln!("{stored} stored, {duplicates} stored before, {rejected} rejected");
        }
        Ok(())
    }

    #[expect(clippy::print_stderr, reason = "not part of the result")]
    fn report(
        &mut self,
        place: &Place,
        event_id: Option<&str>,
        outcome: Outcome,
        problems: &[EventProblem],
    ) {
        let Place { file, line } = place;
        if self.json {
            let report = json!({
                "file": &**file, "line": line, "event_id": event_id, "outcome": outcome, "problems": problems,
            });
            // A program that no longer reads is told by the exit status.
            let _ = print(&format!("{report}\n"));
        } else if outcome == Outcome::Rejected {
            let problems: Vec<String> = problems.iter().map(in_words).collect();
            let problems = problems.join("; ");
            let problems = visible(&problems);
            if self.alike(&problems) <= MAX_ALIKE {
                eprintln!("{}:{line}: rejected: {problems}", visible(file));
            }
        }
    }

    /// Counts an event with these problems. Returns the number of such events so far, if they are counted.
    fn alike(&mut self, problems: &str) -> u64 {
        if let Some(count) = self.rejected.get_mut(problems) {
            *count += 1;
            return *count;
        }
        if self.rejected.len() < MAX_PROBLEMS {
            self.rejected.insert(problems.to_owned(), 1);
        }
        1
    }
}

fn in_words(problem: &EventProblem) -> String {
    let EventProblem { loc, msg, kind: _ } = problem;
    let mut words = String::new();
    for (index, part) in loc.iter().enumerate() {
        let dot = if index > 0 { "." } else { "" };
        _ = match part {
            Value::String(name) => write!(words, "{dot}{name}"),
            other => write!(words, "{dot}{other}"),
        };
    }
    if !words.is_empty() {
        words.push_str(": ");
    }
    words + msg
}
