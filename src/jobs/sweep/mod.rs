//! Orphan sweeps: finds files that no event references, and removes them.
//!
//! Only the store can tell an orphan from a referenced file. A file is tombstoned there before it is removed, and from
//! then on no event that references it is stored ([`Store::tombstone_files`]). So a sweep may run while the service and
//! other sweeps do. If the storage refuses to remove a file, its tombstone is withdrawn: events can reference it again.
//!
//! Memory is bounded: a page of the listing, and at most `MAX_PENDING` files that are old enough and wait for their
//! tenants' stores, which are asked about many at a time because a call may be slow.

mod orphan_sweeper;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use super::Error;
use super::backend_errors::{TenantError, retry, retry_tenant};
use crate::domain::{DatabaseName, FileId, ObjectKey, Tenant};
use crate::objects::{ListedObject, Listing, Objects};
use crate::store::{self, Store, Tombstone};

pub use orphan_sweeper::{OrphanSweeper, describe_metrics};

/// Files that wait for a decision: a few megabytes of names.
const MAX_PENDING: usize = 20_000;
/// Files per call to a store.
const MAX_STORE_CALL: usize = 5_000;
/// Tenants whose stores are asked at once. ClickHouse takes 15 s to tombstone files, idle for most of it.
const CONCURRENT_TENANTS: usize = 16;
/// Files per call to the storage: the limit of S3.
const MAX_DELETE_CALL: usize = 1_000;

#[derive(Debug)]
pub struct Job {
    pub store: Arc<dyn Store>,
    pub objects: Arc<dyn Objects>,
    /// Empty: all tenants' files.
    pub tenants: BTreeSet<DatabaseName>,
    /// Files that were uploaded later are skipped.
    pub uploaded_before: Timestamp,
    /// `false`: reports what would be removed.
    pub delete: bool,
    /// Also removes files under names that no tenant has, which deleted tenants have left behind.
    pub of_no_tenant: bool,
}

/// A file that no event references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    pub key: ObjectKey,
    pub size_bytes: u64,
    pub modified_at: Timestamp,
    pub fate: Fate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// An orphan that `delete` would remove.
    Orphan,
    Removed,
    /// An orphan that could not be removed, with the reason.
    Kept(String),
    /// A file under a name that no tenant has, which was left alone.
    OfNoTenant,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub files: u64,
    pub bytes: u64,
}

#[derive(Debug, Default)]
pub struct Report {
    /// All files that were listed.
    pub seen: Tally,
    /// Files that were removed, or would be.
    pub orphans: Tally,
    pub removed: Tally,
    pub of_no_tenant: Tally,
    /// Files that could not be removed.
    pub kept: u64,
    /// Tenants whose files were not examined, because their database cannot be read.
    pub skipped_tenants: u64,
    /// Files whose upload time the storage does not tell.
    pub of_unknown_age: u64,
    /// Objects that are not files of a tenant. `remarks` names the first of them.
    pub other_objects: u64,
    /// Objects that cannot be read. `remarks` names the first of them.
    pub damaged: u64,
    /// The reasons why tenants or objects were skipped. Names every skipped tenant.
    pub remarks: Vec<String>,
}

/// Objects of each kind that are named: the first ones show what is wrong.
const MAX_NAMED: u64 = 100;

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// Files that are old enough, by tenant.
type Candidates = BTreeMap<DatabaseName, Vec<FoundFile>>;

/// Examines every file and passes each that no event references to `on_file`.
pub async fn run(job: &Job, on_file: &mut (dyn FnMut(FoundFile) + Send)) -> Result<Report, Error> {
    let tenants = super::select_tenants(&*job.store, &job.tenants).await?;
    if tenants.is_empty() && job.of_no_tenant {
        return Err(Error::NoTenants);
    }
    let mut sweep = Sweep {
        job,
        tenants: tenants
            .into_iter()
            .map(|it| (it.database_name.clone(), it))
            .collect(),
        pending: Candidates::new(),
        pending_count: 0,
        skipped: BTreeSet::new(),
        report: Report::default(),
        on_file,
    };
    let scopes: Vec<Option<&DatabaseName>> = match job.tenants.len() {
        0 => vec![None],
        _ => job.tenants.iter().map(Some).collect(),
    };
    for scope in scopes {
        let mut after: Option<String> = None;
        loop {
            let what = "list the files";
            let listed = retry(what, || job.objects.list(scope, after.as_deref())).await;
            let mut page = listed.map_err(|source| Error::Objects { what, source })?;
            after = page.next.take();
            sweep.take(page);
            if sweep.pending_count >= MAX_PENDING || after.is_none() {
                sweep.decide().await?;
            }
            if after.is_none() {
                break;
            }
        }
    }
    Ok(sweep.report)
}

struct Sweep<'a> {
    job: &'a Job,
    /// The tenants at the beginning. Tenants created later cannot have files that are old enough.
    tenants: HashMap<DatabaseName, Arc<Tenant>>,
    pending: Candidates,
    pending_count: usize,
    skipped: BTreeSet<DatabaseName>,
    report: Report,
    on_file: &'a mut (dyn FnMut(FoundFile) + Send),
}

impl Sweep<'_> {
    /// Keeps the files of a page that are old enough.
    fn take(&mut self, page: Listing) {
        let Listing {
            objects,
            unknown_keys,
            damaged,
            next: _,
        } = page;
        let report = &mut self.report;
        for name in unknown_keys {
            report.other_objects += 1;
            if report.other_objects <= MAX_NAMED {
                let remark = format!("'{name}' is not a file of a tenant");
                report.remarks.push(remark);
            }
        }
        for problem in damaged {
            report.damaged += 1;
            if report.damaged <= MAX_NAMED {
                report.remarks.push(problem);
            }
        }
        for ListedObject { key, info } in objects {
            self.report.seen.add(info.size_bytes);
            let Some(modified_at) = info.modified_at else {
                self.report.of_unknown_age += 1;
                continue;
            };
            if modified_at >= self.job.uploaded_before {
                continue;
            }
            let of_tenant = self.pending.entry(key.database_name.clone());
            of_tenant.or_default().push(FoundFile {
                key,
                size_bytes: info.size_bytes,
                modified_at,
                fate: Fate::Orphan,
            });
            self.pending_count += 1;
        }
    }

    /// Decides about the pending files.
    async fn decide(&mut self) -> Result<(), Error> {
        self.pending_count = 0;
        let mut owned = Vec::new();
        let mut unowned = Candidates::new();
        for (name, candidates) in std::mem::take(&mut self.pending) {
            match self.tenants.get(&name) {
                Some(_) if self.skipped.contains(&name) => {}
                Some(tenant) => owned.push((Arc::clone(tenant), candidates)),
                None => _ = unowned.insert(name, candidates),
            }
        }
        let job = self.job;
        let mut asking = stream::iter(owned)
            .map(async |(tenant, candidates)| {
                let orphans = orphans(job, &tenant, candidates).await;
                (tenant, orphans)
            })
            .buffer_unordered(CONCURRENT_TENANTS);
        while let Some((tenant, orphans)) = asking.next().await {
            match orphans {
                Ok(orphans) => self.finish(&tenant, orphans).await?,
                Err(error) => self.skip(&tenant.database_name, error).await?,
            }
        }
        drop(asking);
        self.decide_unowned(unowned).await
    }

    /// Reports a tenant whose files cannot be examined. An error of the whole store ends the sweep.
    async fn skip(&mut self, name: &DatabaseName, error: TenantError) -> Result<(), Error> {
        let store = &*self.job.store;
        if matches!(error.error, store::Error::DatabaseMissing(_))
            && matches!(store.tenant_by_name(name).await, Ok(None))
        {
            return Ok(()); // it was deleted meanwhile
        }
        if !error.affects_one_tenant {
            let (what, source) = ("ask which files are referenced", error.error);
            return Err(Error::Store { what, source });
        }
        if self.skipped.insert(name.clone()) {
            self.report.skipped_tenants += 1;
            let remark = format!("tenant '{name}' was skipped: {error}");
            self.report.remarks.push(remark);
        }
        Ok(())
    }

    /// Removes orphans, or reports them.
    async fn finish(&mut self, tenant: &Tenant, orphans: Orphans) -> Result<(), Error> {
        let Orphans { files, tombstones } = orphans;
        for file in &files {
            self.report.orphans.add(file.size_bytes);
        }
        if !self.job.delete {
            files.into_iter().for_each(&mut *self.on_file);
            return Ok(());
        }
        let mut kept = HashSet::new();
        let removed = self.remove(files, &mut kept).await;
        let refused: Vec<Tombstone> = tombstones
            .into_iter()
            .filter(|it| kept.contains(&it.file))
            .collect();
        if !refused.is_empty() {
            let store = &*self.job.store;
            let withdraw = || store.withdraw_tombstones(tenant, &refused);
            let withdrawn = retry_tenant(store, "withdraw tombstones", withdraw).await;
            if let Err(error) = withdrawn {
                self.skip(&tenant.database_name, error).await?;
            }
        }
        removed
    }

    /// Removes files under names that no tenant has, or reports them. Looks each name up again: a tenant may have been
    /// created since, or may have lost its entry.
    async fn decide_unowned(&mut self, unowned: Candidates) -> Result<(), Error> {
        for (name, candidates) in unowned {
            let store = &*self.job.store;
            let named = &name;
            let look_up = || async move {
                match store.tenant_by_name(named).await? {
                    Some(_) => Ok(true),
                    // It may have been deleted, and be restored.
                    None => store.is_name_taken(named).await,
                }
            };
            match retry_tenant(store, "look up a tenant", look_up).await {
                Ok(false) => {}
                Ok(true) => continue,
                Err(error) => {
                    self.skip(&name, error).await?;
                    continue;
                }
            }
            for file in &candidates {
                self.report.of_no_tenant.add(file.size_bytes);
            }
            if self.job.delete && self.job.of_no_tenant {
                self.remove(candidates, &mut HashSet::new()).await?;
                continue;
            }
            for file in candidates {
                let fate = Fate::OfNoTenant;
                (self.on_file)(FoundFile { fate, ..file });
            }
        }
        Ok(())
    }

    /// Removes files, and adds those that the storage refused to remove to `refused`.
    async fn remove(
        &mut self,
        files: Vec<FoundFile>,
        refused: &mut HashSet<FileId>,
    ) -> Result<(), Error> {
        let what = "remove files";
        for files in files.chunks(MAX_DELETE_CALL) {
            let keys: Vec<ObjectKey> = files.iter().map(|it| it.key.clone()).collect();
            let removed = retry(what, || self.job.objects.delete(&keys)).await;
            let kept = removed.map_err(|source| Error::Objects { what, source })?;
            let mut kept: HashMap<FileId, String> = kept
                .into_iter()
                .map(|(key, reason)| (key.file_id, reason))
                .collect();
            for file in files {
                let fate = if let Some(reason) = kept.remove(&file.key.file_id) {
                    self.report.kept += 1;
                    refused.insert(file.key.file_id);
                    Fate::Kept(reason)
                } else {
                    self.report.removed.add(file.size_bytes);
                    Fate::Removed
                };
                let file = file.clone();
                (self.on_file)(FoundFile { fate, ..file });
            }
        }
        Ok(())
    }
}

/// The files of one tenant that no event references.
#[derive(Default)]
struct Orphans {
    files: Vec<FoundFile>,
    /// Of all of them, if they are to be removed.
    tombstones: Vec<Tombstone>,
}

/// Returns the candidates that no event of the tenant references, tombstoned if they are to be removed.
async fn orphans(
    job: &Job,
    tenant: &Tenant,
    candidates: Vec<FoundFile>,
) -> Result<Orphans, TenantError> {
    let mut unreferenced = HashSet::new();
    let mut tombstones = Vec::new();
    let ids: Vec<FileId> = candidates.iter().map(|it| it.key.file_id).collect();
    for ids in ids.chunks(MAX_STORE_CALL) {
        let store = &*job.store;
        let find = || store.unreferenced_files(tenant, ids);
        let mut ids = retry_tenant(store, "ask which files are referenced", find).await?;
        if job.delete && !ids.is_empty() {
            let tombstone = || store.tombstone_files(tenant, &ids);
            let written = retry_tenant(store, "tombstone files", tombstone).await?;
            ids = written.iter().map(|it| it.file).collect();
            tombstones.extend(written);
        }
        unreferenced.extend(ids);
    }
    let is_orphan = |it: &FoundFile| unreferenced.contains(&it.key.file_id);
    Ok(Orphans {
        files: candidates.into_iter().filter(is_orphan).collect(),
        tombstones,
    })
}
