//! The list of open databases, by the time of their last use.

use std::collections::HashMap;
use std::sync::Arc;

use metrics::gauge;
use tokio::sync::OwnedRwLockWriteGuard;
use tokio::time::Instant;

use super::tenant_handle::{Slot, SlotState, TenantHandle};
use crate::domain::ClientId;
use crate::store::append_queue::count_f64;
use crate::store::{Error, closed};

#[derive(Debug, Default)]
pub(super) struct OpenList {
    open: HashMap<ClientId, Listed>,
    /// Calls that wait for a permit, and databases that are being closed for them.
    pub(super) waiting: usize,
    pub(super) closing: usize,
    closed: bool,
}

#[derive(Debug)]
struct Listed {
    slot: Slot,
    last_used: Instant,
}

impl OpenList {
    pub(super) fn contains(&self, id: ClientId) -> bool {
        self.open.contains_key(&id)
    }

    pub(super) fn insert(&mut self, handle: &TenantHandle) -> Result<(), Error> {
        if self.closed {
            return Err(closed());
        }
        let listed = Listed {
            slot: handle.slot.clone(),
            last_used: Instant::now(),
        };
        self.open.insert(handle.tenant.client_id, listed);
        self.report();
        Ok(())
    }

    pub(super) fn remove(&mut self, id: ClientId) {
        self.open.remove(&id);
        self.report();
    }

    /// Notes that the database is in use.
    pub(super) fn touch(&mut self, id: ClientId) {
        if let Some(listed) = self.open.get_mut(&id) {
            listed.last_used = Instant::now();
        }
    }

    /// Removes and returns the least recently used database that is not in use, if its last use is one that `fits`.
    pub(super) fn take_idle(
        &mut self,
        fits: impl Fn(Instant) -> bool,
    ) -> Option<OwnedRwLockWriteGuard<SlotState>> {
        let listed = self.open.iter().filter(|(_, it)| fits(it.last_used));
        let mut by_age: Vec<_> = listed.collect();
        by_age.sort_unstable_by_key(|(_, listed)| listed.last_used);
        let mut idle = by_age.into_iter();
        let (id, state) = idle.find_map(|(id, listed)| {
            Some((*id, Arc::clone(&listed.slot.state).try_write_owned().ok()?))
        })?;
        self.remove(id);
        Some(state)
    }

    /// Removes and returns all slots; none is added any more.
    pub(super) fn close(&mut self) -> Vec<Slot> {
        self.closed = true;
        let open = std::mem::take(&mut self.open);
        self.report();
        open.into_values().map(|listed| listed.slot).collect()
    }

    fn report(&self) {
        gauge!("event_history_sqlite_open_tenants").set(count_f64(self.open.len()));
    }
}
