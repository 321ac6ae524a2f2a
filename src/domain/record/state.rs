//! A record at an instant.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::entries::{Entries, Newest, Weight};
use super::items::PersonId;
use super::summary::EventSummary;
use crate::domain::{EventTime, FileId};

/// The documents that are shown: those that were generated last.
const MAX_DOCUMENTS: usize = 100;

/// The unrecognised items that are shown: the newest.
const MAX_UNRECOGNISED: usize = 20;

/// Larger unrecognised items are counted and not shown.
pub(super) const MAX_ITEM_BYTES: usize = 4 * 1024;

/// The memory of one count.
const COUNT_BYTES: usize = 64;

/// A record as the events up to an instant tell it.
#[derive(Debug, Clone, Default)]
pub struct RecordState {
    pub(super) created: Option<Arc<EventSummary>>,
    pub(super) deleted: Option<Arc<EventSummary>>,
    pub(super) status: Entries<(), Arc<RawValue>>,
    pub(super) owners: Entries<PersonId, Arc<str>>,
    pub(super) assignees: Entries<PersonId, Arc<str>>,
    pub(super) fields: Entries<Arc<str>, Field>,
    pub(super) documents: Newest<Document, MAX_DOCUMENTS>,
    pub(super) unrecognised: Newest<Option<Arc<RawValue>>, MAX_UNRECOGNISED>,
    counts: BTreeMap<i32, u64>,
    first: Option<Arc<EventSummary>>,
    last: Option<Arc<EventSummary>>,
}

/// The value of a field, and its label where the event that set it had one.
#[derive(Debug, Clone)]
pub struct Field {
    pub label: Option<Arc<str>>,
    pub value: Arc<RawValue>,
}

/// A file that was generated of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub file_id: FileId,
    pub name: Option<Arc<str>>,
}

impl Weight for () {
    fn weight_bytes(&self) -> usize {
        0
    }
}

impl Weight for Field {
    fn weight_bytes(&self) -> usize {
        self.label.weight_bytes() + self.value.weight_bytes()
    }
}

impl Weight for Document {
    fn weight_bytes(&self) -> usize {
        size_of::<FileId>() + self.name.weight_bytes()
    }
}

impl RecordState {
    /// Tells whether there is any event of the record.
    pub fn has_events(&self) -> bool {
        self.first.is_some()
    }

    /// Tells whether the record exists: it was not deleted, or created again later.
    pub fn exists(&self) -> bool {
        match (&self.created, &self.deleted) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(created), Some(deleted)) => created.place() > deleted.place(),
        }
    }

    /// Returns the last event that created the record.
    pub fn created(&self) -> Option<&EventSummary> {
        self.created.as_deref()
    }

    /// Returns the event that deleted the record, if it is deleted.
    pub fn deleted(&self) -> Option<&EventSummary> {
        self.deleted.as_deref().filter(|_| !self.exists())
    }

    pub fn status(&self) -> Option<(&RawValue, &EventSummary)> {
        let mut status = self.status.iter();
        status.next().map(|((), value, event)| (&**value, event))
    }

    /// Returns the owners with their names, and the events that last added them.
    pub fn owners(&self) -> impl Iterator<Item = (&PersonId, &str, &EventSummary)> {
        let owners = self.owners.iter();
        owners.map(|(id, name, event)| (id, &**name, event))
    }

    /// Returns the assignees with their names, and the events that last added them.
    pub fn assignees(&self) -> impl Iterator<Item = (&PersonId, &str, &EventSummary)> {
        let assignees = self.assignees.iter();
        assignees.map(|(id, name, event)| (id, &**name, event))
    }

    /// Returns the fields by name, and the events that last changed them.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Field, &EventSummary)> {
        let fields = self.fields.iter();
        fields.map(|(name, field, event)| (&**name, field, event))
    }

    /// Returns the newest documents, newest first.
    pub fn documents(&self) -> impl Iterator<Item = (&Document, &EventSummary)> {
        self.documents.iter()
    }

    /// Returns the number of all documents.
    pub fn document_count(&self) -> u64 {
        self.documents.count()
    }

    /// Returns the newest items of a shape that is not known, newest first; `None` for one that is too large to show.
    pub fn unrecognised(&self) -> impl Iterator<Item = (Option<&RawValue>, &EventSummary)> {
        let items = self.unrecognised.iter();
        items.map(|(item, event)| (item.as_deref(), event))
    }

    /// Returns the number of all items of a shape that is not known.
    pub fn unrecognised_count(&self) -> u64 {
        self.unrecognised.count()
    }

    /// Returns how many events of each type there are.
    pub fn event_counts(&self) -> impl Iterator<Item = (i32, u64)> {
        self.counts.iter().map(|(id, count)| (*id, *count))
    }

    pub fn event_count(&self) -> u64 {
        self.counts.values().sum()
    }

    pub fn first_event(&self) -> Option<&EventSummary> {
        self.first.as_deref()
    }

    pub fn last_event(&self) -> Option<&EventSummary> {
        self.last.as_deref()
    }

    /// Prepares for an event at this instant.
    pub(super) fn settle_before(&mut self, time: EventTime) {
        let is_later = |last: &Arc<EventSummary>| last.time.micros() < time.micros();
        if self.last.as_ref().is_some_and(is_later) {
            self.owners.settle();
            self.assignees.settle();
        }
    }

    pub(super) fn count(&mut self, event: &Arc<EventSummary>) {
        *self.counts.entry(event.event_type_id).or_default() += 1;
        let is_first = |it: &Arc<EventSummary>| event.place() < it.place();
        if self.first.as_ref().is_none_or(is_first) {
            self.first = Some(Arc::clone(event));
        }
        keep_later(&mut self.last, event);
    }

    /// Returns the approximate size of what it holds, or of what tells it to a caller.
    pub(super) fn weight_bytes(&self) -> usize {
        let single = [&self.created, &self.deleted, &self.first, &self.last];
        let single = single.into_iter().flatten();
        single.map(|it| it.weight_bytes()).sum::<usize>()
            + self.status.weight_bytes()
            + self.owners.weight_bytes()
            + self.assignees.weight_bytes()
            + self.fields.weight_bytes()
            + self.documents.weight_bytes()
            + self.unrecognised.weight_bytes()
            + self.counts.len() * COUNT_BYTES
    }
}

/// Keeps the later of two events.
pub(super) fn keep_later(kept: &mut Option<Arc<EventSummary>>, event: &Arc<EventSummary>) {
    if kept.as_ref().is_none_or(|it| it.place() < event.place()) {
        *kept = Some(Arc::clone(event));
    }
}
