//! Large page caches, which writers under load share.

use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connect::{CACHE_KIB, limit_memory};

/// The pages that a writer under load keeps in memory. A transaction of some hundred events changes
/// more than [`CACHE_KIB`] holds, and what does not fit is written twice.
const LARGE_CACHE_MIB: u32 = 8;

/// The limit for a large database, where the inner pages of the indexes and the ends of the records' parts of
/// them no longer fit, and each event would read several of them again. Up to it, a cache is a 64th of the database.
const LARGEST_CACHE_MIB: u32 = 32;
const CACHED_PART: u32 = 64;

/// The memory of all large caches together.
const LARGE_CACHES_MIB: usize = 64;

const PAGES_OF_MIB: u32 = 256; // of 4 KiB

/// The mebibytes that are left for large caches, shared by all writers of a store.
#[derive(Debug, Clone)]
pub(super) struct LargeCaches(Arc<Semaphore>);

impl Default for LargeCaches {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_CACHES_MIB)))
    }
}

impl LargeCaches {
    /// Gives the connection a large cache for as long as the permit is kept, if there is memory for one.
    pub(super) fn take(
        &self,
        connection: &Connection,
    ) -> rusqlite::Result<Option<OwnedSemaphorePermit>> {
        let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        let wanted = pages / PAGES_OF_MIB / CACHED_PART;
        let acquire = |mib| Arc::clone(&self.0).try_acquire_many_owned(mib).ok();
        let permit = acquire(wanted.clamp(LARGE_CACHE_MIB, LARGEST_CACHE_MIB))
            .or_else(|| acquire(LARGE_CACHE_MIB));
        if let Some(permit) = &permit {
            let kib = i64::try_from(permit.num_permits() * 1024).unwrap_or(CACHE_KIB);
            connection.pragma_update(None, "cache_size", -kib)?;
        }
        Ok(permit)
    }
}

/// Takes back the large cache that the permit stands for.
pub(super) fn release(
    connection: &Connection,
    permit: OwnedSemaphorePermit,
) -> rusqlite::Result<()> {
    limit_memory(connection, CACHE_KIB)?;
    connection.execute_batch("PRAGMA shrink_memory")?;
    drop(permit);
    Ok(())
}
