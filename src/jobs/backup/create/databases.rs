//! Backs up the databases: those of the tenants, and the registry.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::file_stamp::FileStamp;
use super::previous::Previous;
use super::{BackedUp, CONCURRENT, Creation, entry, on_store};
use crate::domain::Tenant;
use crate::domain::cause::chain;
use crate::jobs::backup::format::{Content, Entry, Kind, Owner};
use crate::jobs::backup::listing::ListingWriter;
use crate::jobs::backup::{Error, blocking};
use crate::retry::{Limit, Retry, Transient};
use crate::store::{self, mark_as_deleting};

/// A database that is busy, or whose service recovers it, is tried again.
const RETRY: Retry = Retry {
    first_pause: Duration::from_millis(100),
    longest_pause: Duration::from_secs(2),
    limit: Limit::Pauses(Duration::from_secs(10)),
};

impl Creation<'_> {
    /// Backs up the databases of these tenants, and returns their entries in this order. One that cannot be read is a
    /// problem, and the others are backed up.
    pub(super) async fn databases(
        &mut self,
        tenants: &[Tenant],
        previous: &Previous,
    ) -> Result<Vec<(Tenant, Entry)>, Error> {
        let this = &*self;
        let done: Vec<_> = stream::iter(tenants)
            .map(|tenant| async move {
                let outcome = this.database(tenant, previous).await;
                this.progress.end_tenant();
                this.progress.advance(1);
                (tenant, outcome)
            })
            .buffered(CONCURRENT)
            .collect()
            .await;
        let mut entries = Vec::with_capacity(done.len());
        for (tenant, outcome) in done {
            match outcome {
                Ok(found) => {
                    self.unchanged += u64::from(found.is_unchanged);
                    entries.push((tenant.clone(), found.entry));
                }
                // Deleted meanwhile, or lost: that shows at the end.
                Err(Error::Store {
                    source: store::Error::DatabaseMissing(_),
                    ..
                }) => {}
                Err(error @ Error::Store { .. }) => self.problems.push(chain(&error)),
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    async fn database(&self, tenant: &Tenant, previous: &Previous) -> Result<BackedUp, Error> {
        let path = self.snapshots.database_name(tenant);
        let owner = Some(Owner::of(tenant));
        let known = previous.database(&path).filter(|it| it.tenant == owner);
        let files = self.snapshots.files(tenant);
        let stamped = files.clone();
        let now = blocking(move || Ok(FileStamp::of(&stamped).ok())).await?;
        if let (Some(known), Some(now)) = (known, &now)
            && known.stamp.as_deref() == Some(now.text())
        {
            return Ok(BackedUp {
                entry: known.clone(),
                is_unchanged: true,
            });
        }
        let what = format!("back up the database of tenant '{}'", tenant.database_name);
        let copy = self.scratch.file(&format!("{}.db", tenant.client_id));
        let stamp = RETRY
            .run(&what, || self.copy(tenant, files.clone(), &copy))
            .await;
        let stamp = stamp.map_err(|error| match error {
            CopyError::Store(source) => Error::Store {
                what: what.clone(),
                source,
            },
            CopyError::Other(error) => error,
        })?;
        let chunks = known.map_or(&[][..], |it| &it.content.chunks);
        let stored = self.writer.store(&copy, Kind::Database, chunks).await?;
        remove(copy).await?;
        Ok(BackedUp {
            entry: entry(path, stored, owner, stamp),
            is_unchanged: false,
        })
    }

    /// Copies a database into the scratch folder, and returns the stamp of the database at that instant.
    async fn copy(
        &self,
        tenant: &Tenant,
        files: [PathBuf; 2],
        copy: &Path,
    ) -> Result<Option<String>, CopyError> {
        let bytes = files.iter().filter_map(|it| fs::metadata(it).ok());
        let bytes = bytes.map(|it| it.len()).sum();
        self.scratch
            .require_space(bytes)
            .map_err(CopyError::Other)?;
        let (snapshots, clock) = (self.snapshots.clone(), Arc::clone(&self.job.clock));
        let (tenant, copy) = (tenant.clone(), copy.to_owned());
        let copying = tokio::task::spawn_blocking(move || {
            let _ = fs::remove_file(&copy); // of the last attempt
            let mut stamp = None;
            let before = || stamp = FileStamp::settled_soon(&files, &*clock);
            snapshots.copy(&tenant, &copy, before).map(|()| stamp)
        });
        match copying.await {
            Ok(copied) => copied.map_err(CopyError::Store),
            Err(panic) => Err(CopyError::Other(Error::Refused(panic.to_string()))),
        }
    }

    /// Leaves out tenants that were deleted meanwhile, whose files may be gone: a restore finishes their deletion. Names
    /// those that have no database.
    pub(super) async fn without_deleted(
        &mut self,
        databases: Vec<(Tenant, Entry)>,
        tenants: &[Tenant],
        registry: &Path,
    ) -> Result<Vec<Entry>, Error> {
        let snapshots = self.snapshots.clone();
        let ready = on_store("list the tenants", move || snapshots.tenants()).await?;
        let ready: HashSet<_> = ready.iter().map(|it| it.client_id).collect();
        let (still, deleted): (Vec<_>, Vec<_>) = tenants
            .iter()
            .partition(|tenant| ready.contains(&tenant.client_id));
        let copied: HashSet<_> = databases
            .iter()
            .map(|(tenant, _)| tenant.client_id)
            .collect();
        for tenant in still {
            let name = &tenant.database_name;
            let is_known = |it: &String| it.contains(&format!("tenant '{name}'"));
            if !copied.contains(&tenant.client_id) && !self.problems.iter().any(is_known) {
                let problem = format!("tenant '{name}' has no database");
                self.problems.push(problem);
            }
        }
        if !deleted.is_empty() {
            let (registry, deleted) = (registry.to_owned(), deleted.into_iter().cloned());
            let deleted: Vec<Tenant> = deleted.collect();
            let mark = move || mark_as_deleting(&registry, &deleted);
            on_store("change the copy of the registry", mark).await?;
        }
        let kept = databases
            .into_iter()
            .filter(|(tenant, _)| ready.contains(&tenant.client_id));
        Ok(kept.map(|(_, entry)| entry).collect())
    }

    /// Stores the registry and the listing of the databases.
    pub(super) async fn list_databases(
        &mut self,
        mut databases: Vec<Entry>,
        registry: &Path,
        previous: &Previous,
    ) -> Result<Content, Error> {
        let path = self.snapshots.registry_name();
        let known = previous.database(&path);
        let chunks = known.map_or(&[][..], |it| &it.content.chunks);
        let stored = self.writer.store(registry, Kind::Database, chunks).await?;
        databases.push(entry(path, stored, None, None));
        let mut listing = ListingWriter::create(self.scratch.file("databases"))?;
        for entry in &databases {
            self.totals.databases += 1;
            self.totals.bytes += entry.content.size_bytes;
            listing.add(entry)?;
        }
        self.store_listing(listing).await
    }
}

/// The error of a copy that may be tried again.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Store(store::Error),
    #[error(transparent)]
    Other(Error),
}

impl Transient for CopyError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Other(_) => false,
        }
    }
}

async fn remove(path: PathBuf) -> Result<(), Error> {
    blocking(move || fs::remove_file(&path).map_err(|error| Error::file("remove", &path, error)))
        .await
}
