//! Folds a record's events into its state.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::diff::{Part, RecordDiff, Since};
use super::items::{Item, Kind, for_each};
use super::state::{Document, Field, MAX_ITEM_BYTES, RecordState, keep_later};
use super::summary::EventSummary;
use crate::domain::{Catalogue, Event, EventId};

/// The name of the field that is the record's status.
const STATUS_FIELD: &str = "status";

/// A replay of a record's events, in memory of a bounded size however many they are.
#[derive(Debug)]
pub struct RecordReplay {
    state: RecordState,
    /// Where the diff begins: microseconds since 1970-01-01T00:00:00Z, inclusive.
    from_us: Option<i64>,
    since: Option<Since>,
    max_bytes: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The record has more owners, assignees and fields, or larger ones, than a replay may hold.
    #[error("the record's state takes more than {0} bytes")]
    TooLarge(usize),
    #[error("the data of event {0} is not a JSON array")]
    Damaged(EventId, #[source] serde_json::Error),
}

impl RecordReplay {
    /// Returns a replay that may hold a state of this size. Actual memory is of that order, plus one event.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            state: RecordState::default(),
            from_us: None,
            since: None,
            max_bytes,
        }
    }

    /// Returns a replay that also keeps the state at an instant, for [`RecordReplay::diff`]: in microseconds since
    /// 1970-01-01T00:00:00Z, the events of that microsecond included.
    pub fn since(from_us: i64, max_bytes: usize) -> Self {
        Self {
            from_us: Some(from_us),
            ..Self::new(max_bytes)
        }
    }

    /// Applies the record's next event, which is not before any other in event time. Those of one instant may come in any
    /// order: what they do is decided by when they were received.
    pub fn apply(&mut self, event: &Event, catalogue: &Catalogue) -> Result<(), ReplayError> {
        self.state.settle_before(event.time);
        if self.since.is_none() && self.from_us.is_some_and(|from| event.time.micros() > from) {
            self.since = Some(Since::new(self.state.clone()));
        }
        let summary = Arc::new(EventSummary::of(event));
        self.state.count(&summary);
        let kind = catalogue.event_type(event.event_type_id);
        let kind = kind.and_then(Kind::of_name);
        match kind {
            Some(Kind::RecordCreated) => keep_later(&mut self.state.created, &summary),
            Some(Kind::RecordDeleted) => keep_later(&mut self.state.deleted, &summary),
            _ => {}
        }
        if matches!(kind, Some(Kind::RecordCreated | Kind::RecordDeleted)) {
            self.touch(|| Part::Existence, &summary);
        }
        self.check_size()?;
        self.apply_data(event, kind, &summary)
    }

    /// Ends the replay.
    pub fn into_state(self) -> RecordState {
        self.state
    }

    /// Compares the state with that at the instant of [`RecordReplay::since`].
    pub fn diff(&self) -> RecordDiff {
        match &self.since {
            Some(since) => since.diff(&self.state),
            None => Since::new(self.state.clone()).diff(&self.state),
        }
    }

    fn apply_data(
        &mut self,
        event: &Event,
        kind: Option<Kind>,
        summary: &Arc<EventSummary>,
    ) -> Result<(), ReplayError> {
        let (mut index, mut files, mut outcome) = (0, HashSet::new(), Ok(()));
        let read = for_each(event.data.as_str(), |json| {
            if outcome.is_err() {
                return;
            }
            let item = kind.and_then(|kind| Some((kind, Item::parse(kind, json)?)));
            if let Some((kind, item)) = item {
                if let Item::Document { file_id, .. } = &item {
                    files.insert(*file_id);
                }
                self.apply_item(kind, item, index, summary);
            } else {
                let shown = (json.get().len() <= MAX_ITEM_BYTES).then(|| kept(json));
                self.state.unrecognised.add(index, shown, summary);
            }
            index += 1;
            outcome = self.check_size();
        });
        read.map_err(|error| ReplayError::Damaged(event.id, error))?;
        outcome?;
        if kind != Some(Kind::DocumentGenerated) {
            return Ok(());
        }
        // A file that the event references outside its data.
        for file in event.files.iter().filter(|file| !files.contains(&file.id)) {
            let name = file.record.as_ref().and_then(|it| it.file_name.as_ref());
            let document = Document {
                file_id: file.id,
                name: name.map(|name| name.as_str().into()),
            };
            self.state.documents.add(index, document, summary);
            index += 1;
        }
        self.check_size()
    }

    fn apply_item(&mut self, kind: Kind, item: Item<'_>, index: usize, event: &Arc<EventSummary>) {
        match item {
            Item::Person { id, name } => {
                let is_owner = matches!(kind, Kind::OwnersAdded | Kind::OwnersRemoved);
                let is_removed = matches!(kind, Kind::OwnersRemoved | Kind::AssigneesRemoved);
                let name = (!is_removed).then(|| name.into());
                if is_owner {
                    self.touch(|| Part::Owner(id.clone()), event);
                    self.state.owners.set(&id, name, event);
                } else {
                    self.touch(|| Part::Assignee(id.clone()), event);
                    self.state.assignees.set(&id, name, event);
                }
            }
            Item::Field { name, value, .. } if name == STATUS_FIELD => {
                self.set_status(value, event);
            }
            Item::Status { value } => self.set_status(value, event),
            Item::Field { name, label, value } => {
                let value = kept(value);
                let name: Arc<str> = name.into();
                let label = label.map(Into::into);
                self.touch(|| Part::Field(Arc::clone(&name)), event);
                self.state
                    .fields
                    .set(&name, Some(Field { label, value }), event);
            }
            Item::Document { file_id, name } => {
                let name = name.map(Into::into);
                let document = Document { file_id, name };
                self.state.documents.add(index, document, event);
            }
        }
    }

    fn set_status(&mut self, value: &RawValue, event: &Arc<EventSummary>) {
        self.touch(|| Part::Status, event);
        self.state.status.set(&(), Some(kept(value)), event);
    }

    fn touch(&mut self, part: impl FnOnce() -> Part, event: &Arc<EventSummary>) {
        if let Some(since) = &mut self.since {
            since.touch(part(), event);
        }
    }

    fn check_size(&self) -> Result<(), ReplayError> {
        let since = self.since.as_ref().map_or(0, Since::weight_bytes);
        if self.state.weight_bytes() + since > self.max_bytes {
            return Err(ReplayError::TooLarge(self.max_bytes));
        }
        Ok(())
    }
}

fn kept(value: &RawValue) -> Arc<RawValue> {
    value.to_owned().into()
}
