//! Copies the tenants' files: each is compared with the destination's, copied if that differs, and checked again. Then
//! [`recorded_files`] checks that the destination has what the events recorded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::error::{Error, Side};
use super::file_tally::{CONCURRENCY, Outcome, Tally, with_retries};
use super::report::SkippedObjects;
use super::{Job, Storages, TenantCopy, recorded_files};
use crate::domain::{DatabaseName, Tenant};
use crate::jobs::backend_errors::{retry, retry_tenant};
use crate::jobs::{Phase, Progress};
use crate::objects::transfer::{self, StorageClient, TransferConfig};
use crate::objects::{self, ListedObject, Listing, ObjectInfo};

type Tallies = BTreeMap<DatabaseName, Tally>;

/// Copies and compares, or only compares. Adds the results to the tenants' reports.
pub(super) async fn run(
    job: &Job,
    storages: &Storages,
    copies: &mut [TenantCopy],
    progress: &Progress,
) -> Result<SkippedObjects, Error> {
    let by_name = |copy: &TenantCopy| {
        let name = copy.tenant.database_name.clone();
        (name, Tally::new(Arc::clone(&copy.tenant)))
    };
    let mut tallies: Tallies = copies.iter().map(by_name).collect();
    progress.begin(Phase::CountingFiles, 0, 0);
    let mut total = 0;
    let mut pages = Pages::new(job, Side::Source, &storages.from);
    while let Some(page) = pages.next().await? {
        let keys = page.objects.iter().map(|it| &it.key.database_name);
        let count = keys.filter(|name| tallies.contains_key(name)).count() as u64;
        total += count;
        progress.advance(count);
    }

    let phase = if job.verify_only {
        Phase::VerifyingFiles
    } else {
        Phase::CopyingFiles
    };
    progress.begin(phase, 0, total);
    let mut skipped = copy_all(job, storages, &mut tallies, progress).await?;
    progress.begin(Phase::CheckingFiles, copies.len(), 0);
    for copy in &mut *copies {
        if let Some(tally) = tallies.get_mut(&copy.tenant.database_name) {
            recorded_files::check(job, storages, copy, tally, &mut skipped, progress).await?;
        }
        progress.end_tenant();
    }

    progress.begin(Phase::CountingFiles, 0, 0);
    let mut pages = Pages::new(job, Side::Destination, &storages.to);
    while let Some(page) = pages.next().await? {
        for ListedObject { key, info } in page.objects {
            if let Some(tally) = tallies.get_mut(&key.database_name) {
                tally.report.destination_files += 1;
                tally.report.destination_bytes += info.size_bytes;
                progress.advance(1);
            }
        }
    }
    for copy in copies {
        let tally = tallies.remove(&copy.tenant.database_name);
        copy.report.files = tally.map(|tally| tally.report);
    }
    Ok(skipped)
}

async fn copy_all(
    job: &Job,
    storages: &Storages,
    tallies: &mut Tallies,
    progress: &Progress,
) -> Result<SkippedObjects, Error> {
    let mut skipped = SkippedObjects::default();
    let mut pages = Pages::new(job, Side::Source, &storages.from);
    while let Some(page) = pages.next().await? {
        let Listing {
            objects,
            unknown_keys,
            damaged,
            next: _,
        } = page;
        for key in unknown_keys {
            skipped.unknown_keys.add(key);
        }
        for problem in damaged {
            skipped.damaged.add(problem);
        }
        let mut wanted = Vec::with_capacity(objects.len());
        for object in objects {
            match tallies.get_mut(&object.key.database_name) {
                Some(tally) => {
                    tally.report.source_files += 1;
                    tally.report.source_bytes += object.info.size_bytes;
                    wanted.push((Arc::clone(&tally.tenant), object));
                }
                None => skipped.unknown_keys.add(object.key.to_string()),
            }
        }
        let mut copying = stream::iter(&wanted)
            .map(async |(tenant, object)| {
                let attempt = || compare_and_copy(job, storages, tenant, object, progress);
                (object, with_retries(storages, attempt).await)
            })
            .buffer_unordered(CONCURRENCY);
        while let Some((object, outcome)) = copying.next().await {
            progress.advance(1);
            if let Some(tally) = tallies.get_mut(&object.key.database_name) {
                tally.add(&object.key, outcome?);
            }
        }
    }
    Ok(skipped)
}

async fn compare_and_copy(
    job: &Job,
    Storages { from, to }: &Storages,
    tenant: &Tenant,
    ListedObject { key, info }: &ListedObject,
    progress: &Progress,
) -> Result<Outcome, objects::Error> {
    let bytes = progress.bytes();
    let problem = |text: &str| Ok(Outcome::Problem(text.to_owned()));
    let existing = to.objects.head(key, None).await?;
    if let Some(existing) = &existing {
        if existing.size_bytes == info.size_bytes
            && (etags_match(info, existing)
                || from.sha256(key, bytes).await? == to.sha256(key, bytes).await?)
        {
            return Ok(Outcome::Same);
        }
        // What the event recorded decides, which need not be the newest version at the source.
        let ids = [key.file_id];
        let find = || job.from.unreferenced_files(tenant, &ids);
        match retry_tenant(&*job.from, "ask which files are referenced", find).await {
            Ok(unreferenced) if unreferenced.is_empty() => return Ok(Outcome::Same),
            Ok(_) => {}
            Err(error) => return problem(&format!("differs at the destination: {error}")),
        }
    }
    if job.verify_only {
        return match existing {
            Some(_) => problem("differs at the destination"),
            None => problem("is missing at the destination"),
        };
    }
    let config = TransferConfig::default();
    let sent_sha256 = transfer::copy(from, to, key, None, config, bytes).await?;
    let Some(arrived) = to.objects.head(key, None).await? else {
        return problem("was accepted by the destination but is missing there");
    };
    let is_same = arrived.size_bytes == info.size_bytes
        && (etags_match(info, &arrived) || to.sha256(key, bytes).await? == sent_sha256);
    if is_same {
        return Ok(Outcome::Copied);
    }
    problem("was accepted by the destination but has other bytes there")
}

/// Tells whether the entity tags prove that the bytes are the same. A tag is the MD5 of an object that was uploaded
/// at once, or the MD5 of the MD5s of its parts with their number, unless the object is encrypted with a key of KMS.
/// Tags that do not match do not prove that the bytes differ.
/// Source: Amazon S3 API reference, "Object", on `ETag`.
fn etags_match(one: &ObjectInfo, other: &ObjectInfo) -> bool {
    match (&one.etag, &other.etag) {
        (Some(one), Some(other)) => is_md5(one) && one.eq_ignore_ascii_case(other),
        _ => false,
    }
}

fn is_md5(etag: &str) -> bool {
    let (md5, parts) = etag.split_once('-').unwrap_or((etag, "1"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    md5.len() == 32 && md5.bytes().all(|it| it.is_ascii_hexdigit()) && is_number(parts)
}

/// The listing of one side, page by page.
struct Pages<'a> {
    side: Side,
    client: &'a StorageClient,
    /// The tenants whose objects are still to be listed; `None` stands for all.
    scopes: VecDeque<Option<&'a DatabaseName>>,
    after: Option<String>,
}

impl<'a> Pages<'a> {
    fn new(job: &'a Job, side: Side, client: &'a StorageClient) -> Self {
        let mut scopes: VecDeque<_> = job.tenants.iter().map(Some).collect();
        if scopes.is_empty() {
            scopes.push_back(None);
        }
        Self {
            side,
            client,
            scopes,
            after: None,
        }
    }

    async fn next(&mut self) -> Result<Option<Listing>, Error> {
        let Some(scope) = self.scopes.front().copied() else {
            return Ok(None);
        };
        let what = "list the files";
        let list = || self.client.objects.list(scope, self.after.as_deref());
        let listed = retry(what, list).await;
        let mut page = listed.map_err(|error| Error::objects(self.side, what, error))?;
        self.after = page.next.take();
        if self.after.is_none() {
            self.scopes.pop_front();
        }
        Ok(Some(page))
    }
}

#[cfg(test)]
mod tests {
    use super::etags_match;
    use crate::objects::ObjectInfo;

    #[test]
    fn only_equal_md5s_match() {
        let info = |etag: Option<&str>| ObjectInfo {
            size_bytes: 1,
            etag: etag.map(str::to_owned),
            ..ObjectInfo::default()
        };
        let md5 = "9e107d9d372bb6826bd81d3542a419d6";
        let parts = "9e107d9d372bb6826bd81d3542a419d6-2";
        assert!(etags_match(&info(Some(md5)), &info(Some(md5))));
        assert!(etags_match(&info(Some(parts)), &info(Some(parts))));
        for (one, other) in [
            (Some(md5), Some(parts)),
            (Some("no-md5"), Some("no-md5")),
            (Some(md5), None),
            (None, None),
            (Some(md5), Some("e4d909c290d0fb1ca068ffaddf22cbd0")),
        ] {
            assert!(!etags_match(&info(one), &info(other)), "{one:?} {other:?}");
        }
    }
}
