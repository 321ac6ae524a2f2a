//! The tenants' files: each is compared with what the destination has, moved where that is not the
//! same, and then asked for again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::error::{Error, Side};
use super::report::{FilesReport, Leftovers, TenantReport};
use super::{Files, Job};
use crate::domain::DatabaseName;
use crate::domain::cause::chain;
use crate::objects::transfer::{self, StorageClient, TransferConfig};
use crate::objects::{self, ListedObject, Listing, ObjectInfo};
use crate::runs::patiently;
use crate::runs::{Phase, Progress};

/// Files on their way at once: enough to hide the time that a small one waits for answers.
const CONCURRENCY: usize = 4;

/// How often one file is tried while its storages are well otherwise, and the pause after the first
/// attempt; each further one is three times as long.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What has become of one file.
enum Settled {
    Same,
    Copied,
    Problem(String),
}

type Tallies = BTreeMap<DatabaseName, FilesReport>;

/// Copies and compares, or compares alone. The result is in the tenants' reports.
pub(super) async fn run(
    job: &Job,
    files: &Files,
    reports: &mut [TenantReport],
    progress: &Progress,
) -> Result<Leftovers, Error> {
    let names = reports.iter().map(|it| it.database_name.clone());
    let mut tallies: Tallies = names.map(|name| (name, FilesReport::default())).collect();
    progress.begin(Phase::CountingFiles, 0, 0);
    let mut total = 0;
    let mut pages = Pages::new(job, Side::Source, &files.from);
    while let Some(page) = pages.next().await? {
        let objects = page.objects.iter();
        total += objects
            .filter(|it| tallies.contains_key(&it.key.database_name))
            .count();
        progress.done.store(total as u64, Ordering::Relaxed);
    }

    let phase = if job.verify_only {
        Phase::VerifyingFiles
    } else {
        Phase::CopyingFiles
    };
    progress.begin(phase, 0, total as u64);
    let leftovers = settle_all(job, files, &mut tallies, progress).await?;

    progress.begin(Phase::CountingFiles, 0, 0);
    let mut pages = Pages::new(job, Side::Destination, &files.to);
    while let Some(page) = pages.next().await? {
        for ListedObject { key, info } in page.objects {
            if let Some(tally) = tallies.get_mut(&key.database_name) {
                tally.destination_files += 1;
                tally.destination_bytes += info.size_bytes;
                progress.advance(1);
            }
        }
    }
    for report in reports {
        report.files = tallies.remove(&report.database_name);
    }
    Ok(leftovers)
}

async fn settle_all(
    job: &Job,
    files: &Files,
    tallies: &mut Tallies,
    progress: &Progress,
) -> Result<Leftovers, Error> {
    let mut leftovers = Leftovers::default();
    let mut pages = Pages::new(job, Side::Source, &files.from);
    while let Some(page) = pages.next().await? {
        let Listing {
            objects,
            unknown_keys,
            damaged,
            next: _,
        } = page;
        for name in unknown_keys {
            leftovers.stranger(name);
        }
        for problem in damaged {
            leftovers.damaged(problem);
        }
        let mut wanted = Vec::with_capacity(objects.len());
        for object in objects {
            match tallies.get_mut(&object.key.database_name) {
                Some(tally) => {
                    tally.source_files += 1;
                    tally.source_bytes += object.info.size_bytes;
                    wanted.push(object);
                }
                None => leftovers.stranger(object.key.to_string()),
            }
        }
        let mut settling = stream::iter(&wanted)
            .map(async |object| (object, settle(job, files, object, progress).await))
            .buffer_unordered(CONCURRENCY);
        while let Some((object, settled)) = settling.next().await {
            progress.advance(1);
            let Some(tally) = tallies.get_mut(&object.key.database_name) else {
                continue; // looked up above
            };
            match settled? {
                Settled::Same => {}
                Settled::Copied => tally.copied_files += 1,
                Settled::Problem(problem) => tally.problem(format!("'{}' {problem}", object.key)),
            }
        }
    }
    Ok(leftovers)
}

/// Tries until it is clear what becomes of the file. A storage that is away is waited for; a file that
/// fails while both storages are well is that file's problem.
async fn settle(
    job: &Job,
    files: &Files,
    object: &ListedObject,
    progress: &Progress,
) -> Result<Settled, Error> {
    let mut pause = FIRST_PAUSE;
    let mut attempt = 1;
    loop {
        let error = match try_to_settle(job, files, object, progress).await {
            Ok(settled) => return Ok(settled),
            Err(error) => error,
        };
        for (side, client) in [(Side::Source, &files.from), (Side::Destination, &files.to)] {
            let what = "reach the storage of files";
            let pinged = patiently(what, || client.objects.ping()).await;
            pinged.map_err(|error| Error::objects(side, what, error))?;
        }
        if attempt == ATTEMPTS {
            let problem = format!("failed {ATTEMPTS} times: {}", chain(&error));
            return Ok(Settled::Problem(problem));
        }
        attempt += 1;
        tokio::time::sleep(pause).await;
        pause *= 3;
    }
}

async fn try_to_settle(
    job: &Job,
    files: &Files,
    ListedObject { key, info }: &ListedObject,
    progress: &Progress,
) -> Result<Settled, objects::Error> {
    let Files { from, to } = files;
    let problem = |text: &str| Ok(Settled::Problem(text.to_owned()));
    let there = to.objects.head(key, None).await?;
    if let Some(there) = &there
        && there.size_bytes == info.size_bytes
        && (etags_tell(info, there)
            || from.sha256(key, &progress.bytes).await? == to.sha256(key, &progress.bytes).await?)
    {
        return Ok(Settled::Same);
    }
    if job.verify_only {
        return match there {
            Some(_) => problem("is not the same at the destination"),
            None => problem("is missing at the destination"),
        };
    }
    let sizes = TransferConfig::default();
    let sent = transfer::copy(from, to, key, info, sizes, &progress.bytes).await?;
    let Some(there) = to.objects.head(key, None).await? else {
        return problem("was accepted by the destination and is not there");
    };
    let arrived = there.size_bytes == info.size_bytes
        && (etags_tell(info, &there) || to.sha256(key, &progress.bytes).await? == sent);
    if arrived {
        return Ok(Settled::Copied);
    }
    problem("was accepted by the destination and has other bytes there")
}

/// Tells whether the entity tags alone show that the bytes are the same: the MD5 of an object that was
/// uploaded at once, and the MD5 of the MD5s of its parts with their number, as long as it is not
/// encrypted with a key of KMS. Where they do not, that does not mean that the bytes differ.
/// Source: Amazon S3 API reference, "Object", on `ETag`.
fn etags_tell(one: &ObjectInfo, other: &ObjectInfo) -> bool {
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
    /// Whose objects are still to be listed; `None` is everybody's.
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
        let listed = patiently(what, list).await;
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
    use super::etags_tell;
    use crate::objects::ObjectInfo;

    #[test]
    fn only_equal_md5s_tell() {
        let info = |etag: Option<&str>| ObjectInfo {
            size_bytes: 1,
            etag: etag.map(str::to_owned),
            ..ObjectInfo::default()
        };
        let md5 = "9e107d9d372bb6826bd81d3542a419d6";
        let parts = "9e107d9d372bb6826bd81d3542a419d6-2";
        assert!(etags_tell(&info(Some(md5)), &info(Some(md5))));
        assert!(etags_tell(&info(Some(parts)), &info(Some(parts))));
        for (one, other) in [
            (Some(md5), Some(parts)),
            (Some("no-md5"), Some("no-md5")),
            (Some(md5), None),
            (None, None),
            (Some(md5), Some("e4d909c290d0fb1ca068ffaddf22cbd0")),
        ] {
            assert!(!etags_tell(&info(one), &info(other)), "{one:?} {other:?}");
        }
    }
}
