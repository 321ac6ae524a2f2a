//! Jobs over whole databases and storages: `copy/` moves tenants, `sweep/` removes orphaned files, `retention/` deletes
//! events that are due, `verify/` reads files again, `backup/` copies a data folder into a target and back, and `fsck.rs`
//! looks for damage in one.
//!
//! The jobs do not import one another; the files beside them are what they share. They use backends through the traits
//! of `store` and `objects`, and nothing of the terminal: `cli` runs them and prints what they report. The service runs
//! the orphan sweeper and retention, through `app`.

mod backend_errors;
pub mod backup;
pub mod copy;
mod event_scan;
pub mod fsck;
mod known_files;
mod progress;
pub mod retention;
pub mod sweep;
pub mod verify;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::{DatabaseName, Tenant};
use crate::store::Store;

pub use backend_errors::Error;
pub use progress::{Phase, Progress, Snapshot};

/// Returns the tenants of these names, or all of them, ordered by name.
async fn select_tenants(
    store: &dyn Store,
    names: &BTreeSet<DatabaseName>,
) -> Result<Vec<Arc<Tenant>>, Error> {
    let what = "list the tenants";
    let listed = backend_errors::retry(what, || store.tenants()).await;
    let tenants = listed.map_err(|source| Error::Store { what, source })?;
    Tenant::named(tenants, names).map_err(Error::UnknownTenant)
}
