//! What a replay keeps: the last change of each key, and the newest of many.
//!
//! Both compare the places of events, so that those of one instant may come in any order.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::items::PersonId;
use super::summary::{EventSummary, Place};

/// The memory of one entry in addition to what it holds.
const OVERHEAD_BYTES: usize = 64;

/// Something whose memory is counted.
pub(super) trait Weight {
    fn weight_bytes(&self) -> usize;
}

impl Weight for Arc<str> {
    fn weight_bytes(&self) -> usize {
        self.len()
    }
}

impl Weight for Arc<RawValue> {
    fn weight_bytes(&self) -> usize {
        self.get().len()
    }
}

impl<T: Weight> Weight for Option<T> {
    fn weight_bytes(&self) -> usize {
        self.as_ref().map_or(0, Weight::weight_bytes)
    }
}

impl Weight for PersonId {
    fn weight_bytes(&self) -> usize {
        match self {
            Self::Number(_) => size_of::<i64>(),
            Self::Text(text) => text.len(),
        }
    }
}

/// Values by key, each as the last event left it.
#[derive(Debug, Clone)]
pub(super) struct Entries<K, V> {
    slots: BTreeMap<K, Slot<V>>,
    /// Keys that an event of the current instant removed: another one of that instant may have done the opposite before.
    removed: Vec<K>,
    weight_bytes: usize,
}

#[derive(Debug, Clone)]
struct Slot<V> {
    value: Option<V>,
    event: Arc<EventSummary>,
}

impl<K, V> Default for Entries<K, V> {
    fn default() -> Self {
        Self {
            slots: BTreeMap::new(),
            removed: Vec::new(),
            weight_bytes: 0,
        }
    }
}

impl<K: Clone + Ord + Weight, V: Weight> Entries<K, V> {
    /// Sets or removes what is at a key, unless a later event did that already.
    pub(super) fn set(&mut self, key: &K, value: Option<V>, event: &Arc<EventSummary>) {
        if let Some(slot) = self.slots.get(key)
            && slot.event.place() > event.place()
        {
            return;
        }
        if value.is_none() {
            self.removed.push(key.clone());
            self.weight_bytes += key.weight_bytes();
        }
        let event = Arc::clone(event);
        let slot = Slot { value, event };
        self.weight_bytes += weight(key, &slot);
        if let Some(former) = self.slots.insert(key.clone(), slot) {
            self.weight_bytes -= weight(key, &former);
        }
    }

    /// Forgets what was removed. To be called before the events of a later instant.
    pub(super) fn settle(&mut self) {
        for key in std::mem::take(&mut self.removed) {
            self.weight_bytes -= key.weight_bytes();
            if self.slots.get(&key).is_some_and(|it| it.value.is_none())
                && let Some(slot) = self.slots.remove(&key)
            {
                self.weight_bytes -= weight(&key, &slot);
            }
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.slots.get(key)?.value.as_ref()
    }

    /// Returns the entries by their keys, with the events that last changed them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V, &EventSummary)> {
        self.slots
            .iter()
            .filter_map(|(key, slot)| Some((key, slot.value.as_ref()?, &*slot.event)))
    }

    pub(super) fn weight_bytes(&self) -> usize {
        self.weight_bytes
    }
}

fn weight<K: Weight, V: Weight>(key: &K, slot: &Slot<V>) -> usize {
    OVERHEAD_BYTES + key.weight_bytes() + slot.value.weight_bytes() + slot.event.weight_bytes()
}

/// The number of some things, and the newest of them.
#[derive(Debug, Clone)]
pub(super) struct Newest<T, const MAX: usize> {
    count: u64,
    /// By the place of the event, and the number of the thing in it.
    kept: BTreeMap<(Place, usize), (T, Arc<EventSummary>)>,
    weight_bytes: usize,
}

impl<T, const MAX: usize> Default for Newest<T, MAX> {
    fn default() -> Self {
        Self {
            count: 0,
            kept: BTreeMap::new(),
            weight_bytes: 0,
        }
    }
}

impl<T: Weight, const MAX: usize> Newest<T, MAX> {
    pub(super) fn add(&mut self, index: usize, thing: T, event: &Arc<EventSummary>) {
        self.count += 1;
        self.weight_bytes += OVERHEAD_BYTES + thing.weight_bytes() + event.weight_bytes();
        let place = (event.place(), index);
        self.kept.insert(place, (thing, Arc::clone(event)));
        if self.kept.len() > MAX
            && let Some((_, (thing, event))) = self.kept.pop_first()
        {
            self.weight_bytes -= OVERHEAD_BYTES + thing.weight_bytes() + event.weight_bytes();
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Returns the newest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&T, &EventSummary)> {
        self.kept
            .values()
            .rev()
            .map(|(thing, event)| (thing, &**event))
    }

    pub(super) fn weight_bytes(&self) -> usize {
        self.weight_bytes
    }
}
