//! The logs of all databases: they are copied into the databases in the background, those that were used least recently
//! first, while all take too much; and each once nobody has used its database for a while.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep, timeout_at};

use super::TenantPool;
use super::tenant_handle::{SlotState, TenantHandle};
use super::tenant_list::Taken;
use crate::store::sqlite::disk::error_mapping::blocking;
use crate::store::sqlite::tenant::committer::Closing;
use crate::store::{Error, closed};

/// A database that nobody has used for this long is evicted, which removes its write-ahead log.
const EVICT_IDLE_AFTER: Duration = Duration::from_mins(5);
const EVICT_IDLE_EVERY: Duration = Duration::from_mins(1);

/// The tenants that one task works on: none of them can be used before the task is done with it.
const TOGETHER: usize = 16;

/// The pause while every log is one of a database in use.
const PAUSE: Duration = Duration::from_millis(100);

/// The time that closing spends on checkpoints: the next start needs none of them.
const CHECKPOINT_AT_CLOSE: Duration = Duration::from_secs(5);

/// The time that closing waits for what is under way.
const MAX_CLOSE: Duration = Duration::from_secs(20);

/// The databases that are closed at once.
const CLOSED_AT_ONCE: usize = 8;

/// Starts what runs in the background for as long as the pool is there.
pub(super) fn start(pool: &Arc<TenantPool>) {
    tokio::spawn(evict_idle_for_ever(Arc::downgrade(pool)));
    tokio::spawn(bound_logs_for_ever(Arc::downgrade(pool)));
}

async fn evict_idle_for_ever(pool: Weak<TenantPool>) {
    loop {
        sleep(EVICT_IDLE_EVERY).await;
        let Some(pool) = pool.upgrade() else {
            return;
        };
        pool.evict_idle(Instant::now()).await;
    }
}

async fn bound_logs_for_ever(pool: Weak<TenantPool>) {
    while let Some(logs) = pool.upgrade().map(|it| it.logs.clone()) {
        while !logs.is_exceeded() {
            logs.exceeded().await;
        }
        let Some(pool) = pool.upgrade() else {
            return;
        };
        if !pool.shorten_oldest().await {
            drop(pool);
            sleep(PAUSE).await;
        }
    }
}

impl TenantPool {
    /// Evicts the databases that nobody has used for a while, and removes their logs.
    pub(in crate::store::sqlite) async fn evict_idle(self: &Arc<Self>, now: Instant) {
        let is_idle = |last_used| now.duration_since(last_used) > EVICT_IDLE_AFTER;
        loop {
            let mut taken = self.list().take_idle(TOGETHER, is_idle);
            if taken.is_empty() {
                taken = self.list().take_with_log(TOGETHER, is_idle);
            }
            if taken.is_empty() {
                return;
            }
            if !self.checkpoint_all(taken).await {
                return; // the next time
            }
        }
    }

    /// Removes the logs of some databases that nobody uses. `false` if there was none that it could remove.
    async fn shorten_oldest(self: &Arc<Self>) -> bool {
        let mut taken = Vec::new();
        if self.permits.available_permits() > 0 {
            taken = self.list().take_with_log(TOGETHER, |_| true);
        }
        if taken.is_empty() {
            taken = self.list().take_idle(TOGETHER, |_| true);
        }
        self.checkpoint_all(taken).await
    }

    /// Returns `false` if nothing was done.
    async fn checkpoint_all(self: &Arc<Self>, taken: Vec<Taken>) -> bool {
        let this = Arc::clone(self);
        let work = move || {
            let mut done = false;
            for one in taken {
                done |= this.checkpoint(one);
            }
            this.make_room(); // somebody may wait for a permit that was used here
            Ok(done)
        };
        blocking(work).await.unwrap_or_else(|error| {
            tracing::warn!("checkpoints of databases that nobody uses failed: {error}");
            false
        })
    }

    /// Closes a database, and removes the log of one that is closed. `false` if it cannot be opened for that now. Does
    /// disk I/O.
    fn checkpoint(&self, mut taken: Taken) -> bool {
        if matches!(*taken.state, SlotState::Closed(_)) {
            let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
                self.list().put_back(&taken);
                return false;
            };
            match self.open_database(&mut taken.state, &taken.handle) {
                Ok(database) => *taken.state = SlotState::Open { database, permit },
                Err(error) => {
                    // Counts no longer: whoever uses the database next is told why.
                    let tenant = &taken.handle.tenant.database_name;
                    tracing::warn!(%tenant, "the log of a closed database is left: {error}");
                    taken.handle.slot.log(&self.logs).clear();
                    return true;
                }
            }
        }
        taken.state.close(Closing::Checkpoint);
        self.list().put_back(&taken);
        true
    }

    /// Takes over the logs that the end of another process has left beside the databases of `tenants`, all of which are
    /// closed. Does disk I/O.
    pub(in crate::store::sqlite) fn adopt_logs(&self, tenants: Vec<Arc<TenantHandle>>) {
        for handle in tenants {
            let path = self.folder.layout.database(&handle.tenant.database_name);
            let Some(state) = handle.slot.try_write() else {
                continue; // it is being opened, which counts its log
            };
            if matches!(*state, SlotState::Closed(_))
                && handle.slot.log(&self.logs).look_at_closed(&path)
            {
                self.list().insert_log(&handle, Instant::now());
            }
        }
    }

    /// Closes every database; none is opened again. Reads under way end with an error. [`Error::Busy`] if a call
    /// does not end.
    pub(in crate::store::sqlite) async fn close(self: &Arc<Self>) -> Result<(), Error> {
        let now = Instant::now();
        let checkpoints_end = now + CHECKPOINT_AT_CLOSE;
        let end = now + MAX_CLOSE;
        let open = self.list().close();
        self.shared.stop_reads();
        stream::iter(open)
            .for_each_concurrent(CLOSED_AT_ONCE, async |handle| {
                let Ok(mut state) = timeout_at(end, handle.slot.write()).await else {
                    return;
                };
                let closing = move || {
                    state.close(if Instant::now() < checkpoints_end {
                        Closing::Checkpoint
                    } else {
                        Closing::LeaveLog
                    });
                    Ok(())
                };
                if let Err(error) = blocking(closing).await {
                    tracing::warn!("closing a database failed: {error}");
                }
            })
            .await;
        self.checkpoint_closed(checkpoints_end).await;
        // Every open database has a permit until it is closed.
        let all = timeout_at(end, self.permits.acquire_many(self.limits.open)).await;
        let all = all.map_err(|_| Error::Busy)?.map_err(|_| closed())?;
        self.permits.close();
        drop(all);
        Ok(())
    }

    /// Removes the logs of closed databases for as long as there is time.
    async fn checkpoint_closed(self: &Arc<Self>, end: Instant) {
        let closed = self.list().take_with_log(usize::MAX, |_| true);
        let mut rest = closed.into_iter();
        while Instant::now() < end {
            let taken: Vec<_> = rest.by_ref().take(TOGETHER).collect();
            if taken.is_empty() {
                return;
            }
            self.checkpoint_all(taken).await;
        }
        let left = rest.len();
        if left > 0 {
            tracing::info!("{left} databases are left with their write-ahead logs");
        }
    }
}
