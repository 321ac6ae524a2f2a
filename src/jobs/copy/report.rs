//! The result of a copy.

use std::fmt;

use crate::domain::{DatabaseName, EventId, HistorySum};

/// Items of a kind that are named. All are counted.
const MAX_NAMED: usize = 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Ordered by name.
    pub tenants: Vec<TenantReport>,
    pub skipped_objects: SkippedObjects,
}

/// Objects of the source's storage that were not copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkippedObjects {
    /// Objects that are not files of a tenant of the source.
    pub unknown_keys: Examples<String>,
    /// Objects that cannot be read.
    pub damaged: Examples<String>,
    /// Files that events recorded, and that the source does not have, or has other bytes of.
    pub lost: Examples<String>,
}

/// The number of items of some kind, and the first few of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examples<T> {
    pub count: u64,
    pub first: Vec<T>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantReport {
    pub database_name: DatabaseName,
    /// The digest of the events at the source; `None` if they could not be read.
    pub source: Option<HistorySum>,
    pub destination: Option<HistorySum>,
    /// The oldest difference between the events.
    pub difference: Option<Difference>,
    pub conflicts: Conflicts,
    /// The reason why the events could not be copied or compared.
    pub failure: Option<String>,
    /// `None`: files were not copied.
    pub files: Option<FilesReport>,
}

/// The oldest event that differs between the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    Changed(EventId),
    /// Only the source has it.
    Missing(EventId),
    /// Only the destination has it.
    Extra(EventId),
}

/// Events that the destination has with other content than the source.
pub type Conflicts = Examples<EventId>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilesReport {
    pub source_files: u64,
    pub source_bytes: u64,
    pub destination_files: u64,
    pub destination_bytes: u64,
    /// Files that this run copied.
    pub copied_files: u64,
    /// Files that differ between the two sides, with the reasons.
    pub problems: Examples<String>,
}

impl Report {
    pub fn agrees(&self) -> bool {
        self.skipped_objects.damaged.count == 0 && self.tenants.iter().all(TenantReport::agrees)
    }
}

impl SkippedObjects {
    /// Describes the objects, one sentence for each kind.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let Self {
            unknown_keys,
            damaged,
            lost,
        } = self;
        if unknown_keys.count > 0 {
            let count = unknown_keys.count;
            remarks.push(format!(
                "{count} objects of the source were skipped because they are not files of a tenant: \
                 {unknown_keys}"
            ));
        }
        if damaged.count > 0 {
            let count = damaged.count;
            remarks.push(format!(
                "{count} objects of the source cannot be read: {damaged}"
            ));
        }
        if lost.count > 0 {
            let count = lost.count;
            remarks.push(format!(
                "{count} files of events are not in the source as they were recorded: {lost}"
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

    /// Describes everything that differs or failed; empty if the tenant agrees.
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
            problems.push(format!(
                "{} events have other content at the destination: {}",
                self.conflicts.count, self.conflicts
            ));
        }
        if let Some(files) = &self.files {
            problems.extend(files.problems());
        }
        problems
    }
}

impl FilesReport {
    /// The bytes need not be as many: the newest version at the source may be one that no event recorded.
    fn agree(&self) -> bool {
        self.problems.count == 0 && self.source_files == self.destination_files
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.problems.count > 0 {
            let count = self.problems.count;
            problems.push(format!("{count} files differ: {}", self.problems));
        }
        if self.source_files != self.destination_files {
            let source = (self.source_files, self.source_bytes);
            let destination = (self.destination_files, self.destination_bytes);
            problems.push(format!(
                "the source has {} files of {} bytes, the destination {} of {}",
                source.0, source.1, destination.0, destination.1
            ));
        }
        problems
    }
}

impl<T> Examples<T> {
    pub(super) fn add(&mut self, item: T) {
        self.count += 1;
        if self.first.len() < MAX_NAMED {
            self.first.push(item);
        }
    }
}

impl<T> Default for Examples<T> {
    fn default() -> Self {
        let (count, first) = (0, Vec::new());
        Self { count, first }
    }
}

impl<T: ToString> fmt::Display for Examples<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first: Vec<String> = self.first.iter().map(ToString::to_string).collect();
        f.write_str(&first.join(", "))?;
        if self.count > first.len() as u64 {
            f.write_str(", …")?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(id) => write!(f, "event {id} is the first that differs"),
            Self::Missing(id) => write!(f, "event {id} is the first that the destination lacks"),
            Self::Extra(id) => write!(f, "event {id} is the first that the source lacks"),
        }
    }
}
