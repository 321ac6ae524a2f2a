//! Finding files that no event references, and removing them.
//!
//! In bounded memory: a page of the listing at a time, and behind it at most [`MAX_WAITING`] files that
//! are old enough and wait for their tenants' stores to give them up, many in one call, since a store
//! may take its time over one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use super::error::{Error, is_of_one_tenant};
use crate::domain::{DatabaseName, FileId, ObjectKey, Tenant};
use crate::objects::{ListedObject, Listing, Objects};
use crate::runs::patiently;
use crate::store::Store;

/// Files that wait for their stores' word: a few megabytes of names.
const MAX_WAITING: usize = 20_000;
/// Files of one call to a store.
const MAX_CALL: usize = 5_000;
/// Tenants whose stores are asked at once. ClickHouse takes 15 s to tombstone files, idle for most of it.
const TENANTS_AT_ONCE: usize = 16;
/// Files of one call to the storage: what S3 removes at once.
const MAX_REMOVED: usize = 1_000;

/// What to sweep.
#[derive(Debug)]
pub struct Sweep {
    pub store: Arc<dyn Store>,
    pub objects: Arc<dyn Objects>,
    /// Empty: all tenants' files.
    pub tenants: BTreeSet<DatabaseName>,
    /// A file that was uploaded later is not looked at.
    pub before: Timestamp,
    /// `false`: says what it would remove.
    pub delete: bool,
    /// Removes what lies under names that no tenant has, too: what deleted tenants have left.
    pub of_no_tenant: bool,
}

/// A file that no event references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub key: ObjectKey,
    pub size_bytes: u64,
    pub modified_at: Timestamp,
    pub fate: Fate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It would have been removed.
    Orphan,
    Removed,
    /// It was to be removed and is still there: why.
    Kept(String),
    /// It lies under a name that no tenant has, and was left there.
    OfNoTenant,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub files: u64,
    pub bytes: u64,
}

/// What a sweep saw.
#[derive(Debug, Default)]
pub struct SweepReport {
    pub seen: Tally,
    /// Would have been removed, or were.
    pub orphans: Tally,
    pub removed: Tally,
    pub of_no_tenant: Tally,
    /// Files that are still there although they were to be removed.
    pub kept: u64,
    /// Files of which the storage does not say when they came.
    pub ageless: u64,
    /// Objects that are no files of ours, or cannot be read; the first of them stand in `remarks`.
    pub others: u64,
    /// What kept the sweep from a tenant, or from an object.
    pub remarks: Vec<String>,
}

/// Remarks that are kept: the first ones tell what is wrong.
const MAX_REMARKS: usize = 100;

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

impl SweepReport {
    fn remark(&mut self, remark: String) {
        if self.remarks.len() < MAX_REMARKS {
            self.remarks.push(remark);
        }
    }
}

/// A file that is old enough.
#[derive(Debug, Clone)]
struct Candidate {
    file_id: FileId,
    size_bytes: u64,
    modified_at: Timestamp,
}

type Waiting = BTreeMap<DatabaseName, Vec<Candidate>>;

/// Looks at every file, and shows each that no event references to `show`.
pub async fn sweep(
    job: &Sweep,
    show: &mut (dyn FnMut(Found) + Send),
) -> Result<SweepReport, Error> {
    let tenants = super::chosen(&*job.store, &job.tenants).await?;
    if tenants.is_empty() && job.of_no_tenant {
        return Err(Error::NoTenants);
    }
    let mut run = Run {
        job,
        tenants: tenants
            .into_iter()
            .map(|it| (it.database_name.clone(), it))
            .collect(),
        waiting: Waiting::new(),
        count: 0,
        report: SweepReport::default(),
        show,
    };
    let scopes: Vec<Option<&DatabaseName>> = match job.tenants.len() {
        0 => vec![None],
        _ => job.tenants.iter().map(Some).collect(),
    };
    for scope in scopes {
        let mut after: Option<String> = None;
        loop {
            let what = "list the files";
            let listed = patiently(what, || job.objects.list(scope, after.as_deref())).await;
            let mut page = listed.map_err(|source| Error::Objects { what, source })?;
            after = page.next.take();
            run.take(page);
            if run.count >= MAX_WAITING || after.is_none() {
                run.settle().await?;
            }
            if after.is_none() {
                break;
            }
        }
    }
    Ok(run.report)
}

struct Run<'a> {
    job: &'a Sweep,
    /// The tenants that there were at the beginning: nobody can have uploaded what is old enough for
    /// one that came later.
    tenants: HashMap<DatabaseName, Arc<Tenant>>,
    waiting: Waiting,
    count: usize,
    report: SweepReport,
    show: &'a mut (dyn FnMut(Found) + Send),
}

impl Run<'_> {
    /// Keeps those files of a page that are old enough.
    fn take(&mut self, page: Listing) {
        let Listing {
            objects,
            unknown_keys,
            damaged,
            next: _,
        } = page;
        self.report.others += (unknown_keys.len() + damaged.len()) as u64;
        for name in unknown_keys {
            self.report
                .remark(format!("'{name}' is no file of a tenant"));
        }
        for problem in damaged {
            self.report.remark(problem);
        }
        for ListedObject { key, info } in objects {
            self.report.seen.add(info.size_bytes);
            let Some(modified_at) = info.modified_at else {
                self.report.ageless += 1;
                continue;
            };
            if modified_at >= self.job.before {
                continue;
            }
            let ObjectKey {
                database_name,
                file_id,
            } = key;
            self.waiting
                .entry(database_name)
                .or_default()
                .push(Candidate {
                    file_id,
                    size_bytes: info.size_bytes,
                    modified_at,
                });
            self.count += 1;
        }
    }

    /// Decides about the files that wait.
    async fn settle(&mut self) -> Result<(), Error> {
        self.count = 0;
        let mut owned = Vec::new();
        let mut nobodys = Waiting::new();
        for (name, candidates) in std::mem::take(&mut self.waiting) {
            match self.tenants.get(&name) {
                Some(tenant) => owned.push((Arc::clone(tenant), candidates)),
                None => _ = nobodys.insert(name, candidates),
            }
        }
        let job = self.job;
        let mut asking = stream::iter(owned)
            .map(async |(tenant, candidates)| {
                let orphans = orphans(job, &tenant, candidates).await;
                (tenant, orphans)
            })
            .buffer_unordered(TENANTS_AT_ONCE);
        while let Some((tenant, orphans)) = asking.next().await {
            match orphans {
                Ok(orphans) => self.finish(&tenant.database_name, orphans).await?,
                Err(error) if is_of_one_tenant(&error) => {
                    let name = &tenant.database_name;
                    self.report
                        .remark(format!("tenant '{name}' was left out: {error}"));
                }
                Err(source) => {
                    let what = "ask which files are referenced";
                    return Err(Error::Store { what, source });
                }
            }
        }
        drop(asking);
        self.settle_nobodys(nobodys).await
    }

    /// Removes, or shows, files that were tombstoned or would have been.
    async fn finish(&mut self, name: &DatabaseName, orphans: Vec<Candidate>) -> Result<(), Error> {
        for candidate in &orphans {
            self.report.orphans.add(candidate.size_bytes);
        }
        if self.job.delete {
            return self.remove(name, orphans).await;
        }
        for candidate in &orphans {
            self.show(name, candidate, Fate::Orphan);
        }
        Ok(())
    }

    /// Deals with files under names that no tenant has. Each name is asked for once more: a tenant that has
    /// come since has its own files, and so has one whose entry was lost.
    async fn settle_nobodys(&mut self, nobodys: Waiting) -> Result<(), Error> {
        for (name, candidates) in nobodys {
            let what = "ask for a tenant";
            match patiently(what, || self.job.store.tenant_by_name(&name)).await {
                Ok(None) => {}
                Ok(Some(_)) => continue,
                Err(error) if is_of_one_tenant(&error) => {
                    self.report
                        .remark(format!("tenant '{name}' was left out: {error}"));
                    continue;
                }
                Err(source) => return Err(Error::Store { what, source }),
            }
            for candidate in &candidates {
                self.report.of_no_tenant.add(candidate.size_bytes);
            }
            if self.job.delete && self.job.of_no_tenant {
                self.remove(&name, candidates).await?;
                continue;
            }
            for candidate in &candidates {
                self.show(&name, candidate, Fate::OfNoTenant);
            }
        }
        Ok(())
    }

    async fn remove(&mut self, name: &DatabaseName, files: Vec<Candidate>) -> Result<(), Error> {
        let what = "remove files";
        for files in files.chunks(MAX_REMOVED) {
            let keys: Vec<ObjectKey> = files.iter().map(|it| key(name, it.file_id)).collect();
            let removed = patiently(what, || self.job.objects.delete(&keys)).await;
            let kept = removed.map_err(|source| Error::Objects { what, source })?;
            let mut kept: HashMap<FileId, String> = kept
                .into_iter()
                .map(|(key, reason)| (key.file_id, reason))
                .collect();
            for candidate in files {
                let fate = if let Some(reason) = kept.remove(&candidate.file_id) {
                    self.report.kept += 1;
                    Fate::Kept(reason)
                } else {
                    self.report.removed.add(candidate.size_bytes);
                    Fate::Removed
                };
                self.show(name, candidate, fate);
            }
        }
        Ok(())
    }

    fn show(&mut self, name: &DatabaseName, candidate: &Candidate, fate: Fate) {
        let Candidate {
            file_id,
            size_bytes,
            modified_at,
        } = candidate;
        (self.show)(Found {
            key: key(name, *file_id),
            size_bytes: *size_bytes,
            modified_at: *modified_at,
            fate,
        });
    }
}

/// Returns those of these files that no event of the tenant references; tombstoned, if they are to go.
async fn orphans(
    job: &Sweep,
    tenant: &Tenant,
    candidates: Vec<Candidate>,
) -> Result<Vec<Candidate>, crate::store::Error> {
    let mut free = BTreeSet::new();
    let ids: Vec<FileId> = candidates.iter().map(|it| it.file_id).collect();
    for ids in ids.chunks(MAX_CALL) {
        let what = "ask which files are referenced";
        let unreferenced = || job.store.unreferenced_files(tenant, ids);
        let mut ids = patiently(what, unreferenced).await?;
        if job.delete && !ids.is_empty() {
            let what = "tombstone files";
            ids = patiently(what, || job.store.tombstone_files(tenant, &ids)).await?;
        }
        free.extend(ids.into_iter().map(|id| id.uuid()));
    }
    let is_free = |it: &Candidate| free.contains(&it.file_id.uuid());
    Ok(candidates.into_iter().filter(is_free).collect())
}

fn key(name: &DatabaseName, file_id: FileId) -> ObjectKey {
    ObjectKey {
        database_name: name.clone(),
        file_id,
    }
}
