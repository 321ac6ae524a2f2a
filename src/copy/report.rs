//! What a run found.

use std::fmt;

use crate::domain::{DatabaseName, EventId, HistorySum};

/// How many things of one kind are named; the others are counted.
const MAX_NAMED: usize = 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Ordered by name.
    pub tenants: Vec<TenantReport>,
    pub leftovers: Leftovers,
}

/// What lies among the files of the source and was let be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// What is no file of a tenant of the source.
    pub stranger_files: u64,
    pub some_strangers: Vec<String>,
    /// What cannot be read, whosever it is.
    pub damaged_files: u64,
    pub some_damaged: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantReport {
    pub database_name: DatabaseName,
    /// What the events at the source come to; `None` where they could not be read.
    pub source: Option<HistorySum>,
    pub destination: Option<HistorySum>,
    /// Where the events begin to differ.
    pub difference: Option<Difference>,
    pub conflicts: Conflicts,
    /// What kept the events from being copied or verified.
    pub failure: Option<String>,
    /// `None` where files were not asked for.
    pub files: Option<FilesReport>,
}

/// The oldest event that is not the same on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    Changed(EventId),
    /// The source has it alone.
    Missing(EventId),
    /// The destination has it alone.
    Invented(EventId),
}

/// Events that the destination has with other content than the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conflicts {
    pub count: u64,
    pub some: Vec<EventId>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilesReport {
    pub source_files: u64,
    pub source_bytes: u64,
    pub destination_files: u64,
    pub destination_bytes: u64,
    /// Those that this run has moved.
    pub copied_files: u64,
    /// How many files are not the same on both sides, and what is wrong with some of them.
    pub problem_files: u64,
    pub some_problems: Vec<String>,
}

impl Report {
    pub fn agrees(&self) -> bool {
        self.leftovers.damaged_files == 0 && self.tenants.iter().all(TenantReport::agrees)
    }
}

impl Leftovers {
    pub(super) fn stranger(&mut self, name: String) {
        self.stranger_files += 1;
        keep_some(&mut self.some_strangers, name);
    }

    pub(super) fn damaged(&mut self, problem: String) {
        self.damaged_files += 1;
        keep_some(&mut self.some_damaged, problem);
    }

    /// Returns what there is to say, in words; empty if nothing is left over.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.stranger_files > 0 {
            let some = some_of(&self.some_strangers, self.stranger_files);
            let count = self.stranger_files;
            remarks.push(format!(
                "{count} objects of the source were skipped, since they are no file of a tenant: {some}"
            ));
        }
        if self.damaged_files > 0 {
            let some = some_of(&self.some_damaged, self.damaged_files);
            let count = self.damaged_files;
            remarks.push(format!(
                "{count} objects of the source cannot be read: {some}"
            ));
        }
        remarks
    }
}

impl TenantReport {
    pub(super) fn new(database_name: DatabaseName) -> Self {
        Self {
            database_name,
            source: None,
            destination: None,
            difference: None,
            conflicts: Conflicts::default(),
            failure: None,
            files: None,
        }
    }

    pub fn agrees(&self) -> bool {
        let files_agree = self.files.as_ref().is_none_or(FilesReport::agree);
        self.failure.is_none() && self.events_agree() && files_agree
    }

    pub fn events_agree(&self) -> bool {
        self.source.is_some() && self.source == self.destination
    }

    /// Returns everything that is not as it should be, in words; empty if nothing is.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(self.failure.clone());
        if self.failure.is_none() && !self.events_agree() {
            let side = |sum: Option<HistorySum>| {
                sum.map_or_else(|| "unread".to_owned(), |sum| sum.to_string())
            };
            let (source, destination) = (side(self.source), side(self.destination));
            problems.push(format!(
                "the source has {source}, the destination {destination}"
            ));
            problems.extend(self.difference.map(|it| it.to_string()));
        }
        if self.conflicts.count > 0 {
            let ids: Vec<String> = self.conflicts.some.iter().map(EventId::to_string).collect();
            problems.push(format!(
                "{} events have other content at the destination: {}",
                self.conflicts.count,
                some_of(&ids, self.conflicts.count)
            ));
        }
        if let Some(files) = &self.files {
            problems.extend(files.problems());
        }
        problems
    }
}

impl FilesReport {
    fn agree(&self) -> bool {
        self.problem_files == 0
            && (self.source_files, self.source_bytes)
                == (self.destination_files, self.destination_bytes)
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.problem_files > 0 {
            let some = some_of(&self.some_problems, self.problem_files);
            problems.push(format!("{} files differ: {some}", self.problem_files));
        }
        let source = (self.source_files, self.source_bytes);
        let destination = (self.destination_files, self.destination_bytes);
        if source != destination {
            problems.push(format!(
                "the source has {} files of {} bytes, the destination {} of {}",
                source.0, source.1, destination.0, destination.1
            ));
        }
        problems
    }

    pub(super) fn problem(&mut self, problem: String) {
        self.problem_files += 1;
        keep_some(&mut self.some_problems, problem);
    }
}

impl Conflicts {
    pub(super) fn add(&mut self, id: EventId) {
        self.count += 1;
        keep_some(&mut self.some, id);
    }
}

fn keep_some<T>(some: &mut Vec<T>, one: T) {
    if some.len() < MAX_NAMED {
        some.push(one);
    }
}

fn some_of(some: &[String], count: u64) -> String {
    let more = if count > some.len() as u64 {
        ", …"
    } else {
        ""
    };
    format!("{}{more}", some.join(", "))
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(id) => write!(f, "event {id} is the first that differs"),
            Self::Missing(id) => write!(f, "event {id} is the first that the destination lacks"),
            Self::Invented(id) => write!(f, "event {id} is the first that the source lacks"),
        }
    }
}
