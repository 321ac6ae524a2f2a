//! The life of files: removing those that no event references, and reading again those that one does.
//!
//! Both may run beside the service and beside each other. What tells an orphan from a file that an event
//! references is the store alone: a file is tombstoned there before it is removed, and from then on no
//! event that references it is stored ([`Store::tombstone_files`]).
//!
//! [`Store::tombstone_files`]: crate::store::Store::tombstone_files

mod error;
mod keeper;
mod mark;
mod sweep;
mod verdict;
mod verify;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::{DatabaseName, Tenant};
use crate::runs::patiently;
use crate::store::Store;

pub use error::Error;
pub use keeper::{Keeper, describe_metrics};
pub use mark::Mark;
pub use sweep::{Fate, Found, Sweep, SweepReport, Tally, sweep};
pub use verify::{Problem, UNVERIFIED, Verification, VerifyReport, verify};

/// Returns the tenants of these names, or all of them, ordered by name.
async fn chosen(
    store: &dyn Store,
    names: &BTreeSet<DatabaseName>,
) -> Result<Vec<Arc<Tenant>>, Error> {
    let what = "list the tenants";
    let listed = patiently(what, || store.tenants()).await;
    let tenants = listed.map_err(|source| Error::Store { what, source })?;
    Tenant::named(tenants, names).map_err(Error::UnknownTenant)
}
