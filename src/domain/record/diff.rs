//! What changed of a record between two instants.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::entries::{Entries, Newest, Weight};
use super::items::PersonId;
use super::state::{Document, Field, RecordState};
use super::summary::EventSummary;
use crate::domain::EventId;
use crate::domain::event::same_json;

/// The events that are shown of one change: the last ones.
const MAX_EVENTS: usize = 20;

/// A part of a record that events change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Existence,
    Status,
    Field(Arc<str>),
    Owner(PersonId),
    Assignee(PersonId),
}

/// The state at an instant, and what the events behind it touched.
#[derive(Debug, Clone)]
pub(super) struct Since {
    base: RecordState,
    touched: BTreeMap<Part, Touches>,
    weight_bytes: usize,
}

#[derive(Debug, Clone, Default)]
struct Touches {
    newest: Newest<(), MAX_EVENTS>,
    last: Option<EventId>,
}

/// What changed between two instants: what is as it was before is left out, whatever was done to it in between.
#[derive(Debug, Clone)]
pub struct RecordDiff {
    /// Before, or `None` if there was no event of the record yet; and after.
    pub existence: Option<Change<Option<bool>, bool>>,
    /// Before, or `None` if no event had told it.
    pub status: Option<Change<Option<Arc<RawValue>>, Arc<RawValue>>>,
    /// By name.
    pub fields: Vec<FieldChange>,
    /// By id.
    pub owners: Vec<PersonChange>,
    /// By id.
    pub assignees: Vec<PersonChange>,
    /// The newest, newest first.
    pub documents: Vec<(Document, EventSummary)>,
    pub document_count: u64,
    pub event_count: u64,
    pub unrecognised_count: u64,
}

/// What something was and is, and the events that did it.
#[derive(Debug, Clone)]
pub struct Change<O, N> {
    pub old: O,
    pub new: N,
    /// The last ones, oldest first.
    pub events: Vec<EventSummary>,
    pub event_count: u64,
}

#[derive(Debug, Clone)]
pub struct FieldChange {
    pub name: Arc<str>,
    pub label: Option<Arc<str>>,
    pub change: Change<Option<Arc<RawValue>>, Arc<RawValue>>,
}

#[derive(Debug, Clone)]
pub struct PersonChange {
    pub id: PersonId,
    pub kind: PersonChangeKind,
    /// The last one that is known.
    pub name: Arc<str>,
    pub events: Vec<EventSummary>,
    pub event_count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonChangeKind {
    Added,
    Removed,
    Renamed,
}

impl Weight for Part {
    fn weight_bytes(&self) -> usize {
        match self {
            Self::Existence | Self::Status => 0,
            Self::Field(name) => name.weight_bytes(),
            Self::Owner(id) | Self::Assignee(id) => id.weight_bytes(),
        }
    }
}

impl Since {
    pub(super) fn new(base: RecordState) -> Self {
        Self {
            weight_bytes: base.weight_bytes(),
            base,
            touched: BTreeMap::new(),
        }
    }

    /// Notes that an event touched a part. An event that touches it twice counts once.
    pub(super) fn touch(&mut self, part: Part, event: &Arc<EventSummary>) {
        if !self.touched.contains_key(&part) {
            self.weight_bytes += part.weight_bytes() + size_of::<(Part, Touches)>();
        }
        let touches = self.touched.entry(part).or_default();
        if touches.last == Some(event.id) {
            return;
        }
        touches.last = Some(event.id);
        let before = touches.newest.weight_bytes();
        touches.newest.add(0, (), event);
        self.weight_bytes += touches.newest.weight_bytes() - before;
    }

    pub(super) fn weight_bytes(&self) -> usize {
        self.weight_bytes
    }

    /// Compares the state at the instant with a later one.
    pub(super) fn diff(&self, state: &RecordState) -> RecordDiff {
        let base = &self.base;
        let mut diff = RecordDiff {
            existence: None,
            status: None,
            fields: Vec::new(),
            owners: Vec::new(),
            assignees: Vec::new(),
            documents: Vec::new(),
            document_count: state.document_count() - base.document_count(),
            event_count: state.event_count() - base.event_count(),
            unrecognised_count: state.unrecognised_count() - base.unrecognised_count(),
        };
        // All documents that are newer than those of the base are among the newest.
        let new = usize::try_from(diff.document_count).unwrap_or(usize::MAX);
        let documents = state.documents().take(new);
        diff.documents = documents
            .map(|(document, event)| (document.clone(), event.clone()))
            .collect();
        let existed = base.has_events().then(|| base.exists());
        if state.has_events() && existed != Some(state.exists()) {
            let touches = self.touched.get(&Part::Existence);
            let change = change(existed, state.exists(), touches);
            diff.existence = Some(change);
        }
        for (part, touches) in &self.touched {
            match part {
                Part::Existence => {}
                Part::Status => {
                    let (old, new) = (base.status.get(&()), state.status.get(&()));
                    if let Some(new) = new.filter(|new| !is_same(old, new)) {
                        diff.status = Some(change(old.cloned(), Arc::clone(new), Some(touches)));
                    }
                }
                Part::Field(name) => {
                    diff.fields.extend(field(
                        name,
                        base.fields.get(name),
                        state.fields.get(name),
                        touches,
                    ));
                }
                Part::Owner(id) => {
                    let owner = person(id, &base.owners, &state.owners, touches);
                    diff.owners.extend(owner);
                }
                Part::Assignee(id) => {
                    let assignee = person(id, &base.assignees, &state.assignees, touches);
                    diff.assignees.extend(assignee);
                }
            }
        }
        diff
    }
}

fn change<O, N>(old: O, new: N, touches: Option<&Touches>) -> Change<O, N> {
    Change {
        old,
        new,
        events: touches.map(events).unwrap_or_default(),
        event_count: touches.map_or(0, |it| it.newest.count()),
    }
}

fn events(touches: &Touches) -> Vec<EventSummary> {
    let oldest_first = touches.newest.iter().rev();
    oldest_first.map(|((), event)| event.clone()).collect()
}

/// Values are compared as JSON: the order of members and the notation of numbers do not matter.
fn is_same(old: Option<&Arc<RawValue>>, new: &RawValue) -> bool {
    old.is_some_and(|old| same_json(old.get(), new.get()))
}

fn field(
    name: &Arc<str>,
    old: Option<&Field>,
    new: Option<&Field>,
    touches: &Touches,
) -> Option<FieldChange> {
    let old = old.map(|field| &field.value);
    let new = new.filter(|new| !is_same(old, &new.value))?;
    Some(FieldChange {
        name: Arc::clone(name),
        label: new.label.clone(),
        change: change(old.cloned(), Arc::clone(&new.value), Some(touches)),
    })
}

fn person(
    id: &PersonId,
    base: &Entries<PersonId, Arc<str>>,
    state: &Entries<PersonId, Arc<str>>,
    touches: &Touches,
) -> Option<PersonChange> {
    let (kind, name) = match (base.get(id), state.get(id)) {
        (None, Some(name)) => (PersonChangeKind::Added, name),
        (Some(name), None) => (PersonChangeKind::Removed, name),
        (Some(old), Some(name)) if old != name => (PersonChangeKind::Renamed, name),
        _ => return None,
    };
    Some(PersonChange {
        id: id.clone(),
        kind,
        name: Arc::clone(name),
        events: events(touches),
        event_count: touches.newest.count(),
    })
}
