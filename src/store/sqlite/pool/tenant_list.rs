//! The tenants whose databases are open, and those whose closed databases have a log beside them, by the time of their
//! last use.
//!
//! Whoever changes what is listed of a tenant holds its slot for writing.

use std::collections::HashMap;
use std::sync::Arc;

use metrics::gauge;
use tokio::sync::OwnedRwLockWriteGuard;
use tokio::time::Instant;

use super::tenant_handle::{SlotState, TenantHandle};
use crate::domain::ClientId;
use crate::store::append_queue::count_f64;
use crate::store::{Error, closed};

#[derive(Debug, Default)]
pub(super) struct TenantList {
    open: HashMap<ClientId, Listed>,
    /// Closed, with a log.
    with_log: HashMap<ClientId, Listed>,
    /// Calls that wait for a permit, and databases that are being closed.
    pub(super) waiting: usize,
    pub(super) closing: usize,
    is_closed: bool,
}

#[derive(Debug)]
struct Listed {
    handle: Arc<TenantHandle>,
    last_used: Instant,
}

/// A tenant whose database nobody can use until this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) handle: Arc<TenantHandle>,
    pub(super) state: OwnedRwLockWriteGuard<SlotState>,
    last_used: Instant,
}

impl TenantList {
    pub(super) fn contains(&self, id: ClientId) -> bool {
        self.open.contains_key(&id) || self.with_log.contains_key(&id)
    }

    /// Lists a database that was just opened.
    pub(super) fn insert(&mut self, handle: &Arc<TenantHandle>) -> Result<(), Error> {
        if self.is_closed {
            return Err(closed());
        }
        let id = handle.tenant.client_id;
        self.with_log.remove(&id);
        let listed = Listed {
            handle: Arc::clone(handle),
            last_used: Instant::now(),
        };
        self.open.insert(id, listed);
        self.report();
        Ok(())
    }

    /// Lists a closed database if it has a log, which was last used then.
    pub(super) fn insert_log(&mut self, handle: &Arc<TenantHandle>, last_used: Instant) {
        if !self.is_closed && handle.slot.has_log() {
            let handle = Arc::clone(handle);
            let listed = Listed { handle, last_used };
            self.with_log.insert(listed.handle.tenant.client_id, listed);
        }
    }

    /// Puts back a tenant that was taken, and whose database is closed now.
    pub(super) fn put_back(&mut self, taken: &Taken) {
        self.insert_log(&taken.handle, taken.last_used);
    }

    pub(super) fn remove(&mut self, id: ClientId) {
        self.open.remove(&id);
        self.with_log.remove(&id);
        self.report();
    }

    /// Notes that the database is in use.
    pub(super) fn touch(&mut self, id: ClientId) {
        if let Some(listed) = self.open.get_mut(&id) {
            listed.last_used = Instant::now();
        }
    }

    /// Takes at most `count` open databases that are not in use, least recently used first, if their last use is one
    /// that `fits`.
    pub(super) fn take_idle(&mut self, count: usize, fits: impl Fn(Instant) -> bool) -> Vec<Taken> {
        let taken = take(&mut self.open, count, fits);
        self.report();
        taken
    }

    /// Takes closed databases with a log in the same way.
    pub(super) fn take_with_log(
        &mut self,
        count: usize,
        fits: impl Fn(Instant) -> bool,
    ) -> Vec<Taken> {
        take(&mut self.with_log, count, fits)
    }

    /// Returns the tenants whose databases are open; none is listed any more from now on.
    pub(super) fn close(&mut self) -> Vec<Arc<TenantHandle>> {
        self.is_closed = true;
        let open = std::mem::take(&mut self.open);
        self.report();
        open.into_values().map(|listed| listed.handle).collect()
    }

    fn report(&self) {
        gauge!("event_history_sqlite_open_tenants").set(count_f64(self.open.len()));
    }
}

fn take(
    listed: &mut HashMap<ClientId, Listed>,
    count: usize,
    fits: impl Fn(Instant) -> bool,
) -> Vec<Taken> {
    let fitting = listed.iter().filter(|(_, it)| fits(it.last_used));
    let mut by_age: Vec<_> = fitting.map(|(id, it)| (it.last_used, *id)).collect();
    by_age.sort_unstable_by_key(|(last_used, _)| *last_used);
    let mut taken = Vec::new();
    for (_, id) in by_age {
        if taken.len() == count {
            break;
        }
        let Some(state) = listed.get(&id).and_then(|it| it.handle.slot.try_write()) else {
            continue; // somebody uses it
        };
        if let Some(Listed { handle, last_used }) = listed.remove(&id) {
            taken.push(Taken {
                handle,
                state,
                last_used,
            });
        }
    }
    taken
}
