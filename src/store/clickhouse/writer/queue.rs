//! The calls that wait for one table, drained fairly between tenants.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::{ClientId, DatabaseName};
use crate::store::Error;
use crate::store::append_queue::{Append, MAX_BATCH_BYTES, MAX_QUEUED_CALLS};
use crate::store::clickhouse::tables::EventKey;

/// The events of one INSERT, unless one call has more: looking up their ids takes less than about 100 ms.
pub(super) const MAX_BATCH_EVENTS: usize = 1000;

/// A call, and whose it is.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) client_id: ClientId,
    pub(super) database: DatabaseName,
    pub(super) append: Append,
}

impl Call {
    pub(super) fn keys(&self) -> impl Iterator<Item = EventKey> {
        let events = self.append.events.iter();
        events.map(|event| (self.client_id, event.id))
    }
}

/// The queue of one table. Calls of one tenant keep their order.
#[derive(Debug, Default)]
pub(super) struct TableQueue {
    state: Mutex<State>,
    /// A call came in, or a batch is done.
    changed: Notify,
}

/// The calls that wait.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) calls: usize,
    events: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<ClientId, VecDeque<Call>>,
    /// How much that is.
    total: Waiting,
    /// The tenants with waiting calls, in the order of their next turns.
    turns: VecDeque<ClientId>,
    /// The events of batches under way. A call with one of these waits: two batches must not both find that an event is
    /// not stored yet.
    in_flight: HashSet<EventKey>,
    is_closed: bool,
}

/// What a writer finds in the queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Calls,
    Nothing,
    /// Nothing, and nothing will come.
    End,
}

impl TableQueue {
    /// [`Error::Busy`] if too many calls of this tenant wait already.
    pub(super) fn push(&self, call: Call) -> Result<(), Error> {
        let mut state = self.lock();
        let client_id = call.client_id;
        let size = Waiting::of(&call);
        match state.waiting.entry(client_id) {
            Entry::Occupied(entry) if entry.get().len() >= MAX_QUEUED_CALLS => {
                return Err(Error::Busy);
            }
            Entry::Occupied(mut entry) => entry.get_mut().push_back(call),
            Entry::Vacant(entry) => {
                entry.insert(VecDeque::from([call]));
                state.turns.push_back(client_id);
            }
        }
        state.total.calls += size.calls;
        state.total.events += size.events;
        state.total.bytes += size.bytes;
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    pub(super) fn next(&self) -> Next {
        let state = self.lock();
        match (state.turns.is_empty(), state.is_closed) {
            (false, _) => Next::Calls,
            (true, true) => Next::End,
            (true, false) => Next::Nothing,
        }
    }

    pub(super) fn waiting(&self) -> Waiting {
        self.lock().total
    }

    /// Returns once a call came in or a batch was done since the last return.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Takes a batch: the tenants' calls by turns, up to the bounds of a batch. None if all that wait have events of a
    /// batch under way. The events of the batch are under way until [`Self::finish`].
    pub(super) fn take(&self) -> Vec<Call> {
        let mut state = self.lock();
        let (mut batch, mut held_back) = (Vec::new(), Vec::new());
        let (mut events, mut bytes) = (0, 0);
        while events < MAX_BATCH_EVENTS && bytes < MAX_BATCH_BYTES {
            let Some(client_id) = state.turns.pop_front() else {
                break;
            };
            let Some(call) = state.next_of(client_id) else {
                held_back.push(client_id);
                continue;
            };
            events += call.append.events.len();
            bytes += call.append.weight_bytes();
            batch.push(call);
        }
        for client_id in held_back.into_iter().rev() {
            state.turns.push_front(client_id);
        }
        let keys: Vec<EventKey> = batch.iter().flat_map(Call::keys).collect();
        state.in_flight.extend(keys);
        batch
    }

    /// The batch with these events is done.
    pub(super) fn finish(&self, keys: &[EventKey]) {
        let mut state = self.lock();
        for key in keys {
            state.in_flight.remove(key);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// No calls come in after this.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn of(call: &Call) -> Self {
        Self {
            calls: 1,
            events: call.append.events.len(),
            bytes: call.append.weight_bytes(),
        }
    }

    pub(super) fn fills_half_a_batch(self) -> bool {
        self.events >= MAX_BATCH_EVENTS / 2 || self.bytes >= MAX_BATCH_BYTES / 2
    }
}

impl State {
    /// Takes the next call of a tenant, unless it has to wait, and gives the tenant another turn if there are more.
    fn next_of(&mut self, client_id: ClientId) -> Option<Call> {
        let Entry::Occupied(mut calls) = self.waiting.entry(client_id) else {
            return None;
        };
        let is_free = |call: &Call| !call.keys().any(|key| self.in_flight.contains(&key));
        if !self.in_flight.is_empty() && !calls.get().front().is_some_and(is_free) {
            return None;
        }
        let call = calls.get_mut().pop_front();
        if let Some(call) = &call {
            let size = Waiting::of(call);
            self.total.calls -= size.calls;
            self.total.events -= size.events;
            self.total.bytes -= size.bytes;
        }
        if calls.get().is_empty() {
            calls.remove();
        } else {
            self.turns.push_back(client_id);
        }
        call
    }
}

#[cfg(test)]
pub(super) mod samples {
    use super::Call;
    use crate::domain::{Event, Tenant};
    use crate::store::append_queue::Backlog;

    pub(in super::super) fn call(tenant: &Tenant, events: Vec<Event>) -> Call {
        let (append, _) = Backlog::default().call(events).unwrap();
        Call {
            client_id: tenant.client_id,
            database: tenant.database_name.clone(),
            append,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::call;
    use super::{Call, MAX_BATCH_EVENTS, Next, TableQueue};
    use crate::store::append_queue::MAX_QUEUED_CALLS;
    use crate::store::clickhouse::tables::EventKey;
    use crate::store::samples::{Random, tenant};

    fn keys(batch: &[Call]) -> Vec<EventKey> {
        batch.iter().flat_map(Call::keys).collect()
    }

    #[test]
    fn a_loud_tenant_delays_no_other() {
        let (queue, mut random) = (TableQueue::default(), Random::seeded(1));
        let [loud, quiet] = ["loud", "quiet"].map(tenant);
        for _ in 0..3 * MAX_BATCH_EVENTS {
            queue.push(call(&loud, vec![random.event()])).unwrap();
        }
        let event = random.event();
        queue.push(call(&quiet, vec![event.clone()])).unwrap();
        let batch = queue.take();
        assert_eq!(batch.len(), MAX_BATCH_EVENTS);
        assert!(keys(&batch).contains(&(quiet.client_id, event.id)));

        // Nor does one whose calls are large, for longer than one of them.
        let large = (0..2 * MAX_BATCH_EVENTS).map(|_| random.event()).collect();
        let (queue, large) = (TableQueue::default(), call(&loud, large));
        queue.push(large).unwrap();
        queue.push(call(&loud, vec![random.event()])).unwrap();
        queue.push(call(&quiet, vec![event])).unwrap();
        assert_eq!(queue.take().len(), 1);
        let second: Vec<_> = queue.take().iter().map(|call| call.client_id).collect();
        assert_eq!(second, [quiet.client_id, loud.client_id]);
    }

    #[test]
    fn a_call_waits_for_the_batch_that_has_its_event() {
        let (queue, mut random) = (TableQueue::default(), Random::seeded(2));
        let [one, other] = ["one", "other"].map(tenant);
        let (event, later) = (random.event(), random.event());
        queue.push(call(&one, vec![event.clone()])).unwrap();
        let first = keys(&queue.take());
        queue.push(call(&one, vec![event.clone()])).unwrap();
        queue.push(call(&one, vec![later.clone()])).unwrap();
        assert!(queue.take().is_empty());
        // Another tenant's event of the same id is another event.
        queue.push(call(&other, vec![event.clone()])).unwrap();
        assert_eq!(keys(&queue.take()), [(other.client_id, event.id)]);
        assert_eq!(queue.next(), Next::Calls);
        queue.finish(&first);
        // In one batch the second is compared with the first.
        let expected = [(one.client_id, event.id), (one.client_id, later.id)];
        assert_eq!(keys(&queue.take()), expected);
        assert_eq!(queue.next(), Next::Nothing);
        assert_eq!(queue.waiting().calls, 0);
        queue.close();
        assert_eq!(queue.next(), Next::End);
    }

    #[test]
    fn a_tenant_has_a_limit_of_its_own() {
        let (queue, mut random) = (TableQueue::default(), Random::seeded(3));
        let [loud, quiet] = ["loud", "quiet"].map(tenant);
        for _ in 0..MAX_QUEUED_CALLS {
            queue.push(call(&loud, vec![random.event()])).unwrap();
        }
        queue.push(call(&loud, vec![random.event()])).unwrap_err();
        queue.push(call(&quiet, vec![random.event()])).unwrap();
    }
}
