//! The embedded storage as this process itself uses it, without HTTP.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::complete::{Fault, Wish, complete};
use super::file::{self, Headers};
use super::reads::NULL_VERSION;
use super::{
    ANY_ORIGIN, Embedded, aside, blocking, check_folder, keys, listing, multipart, parts, sweep,
};
use crate::domain::{
    Clock, DatabaseName, FileName, Finding, ObjectKey, Retention, UploadConstraints,
};
use crate::objects::owner;
use crate::objects::signer::{FILE_NAME_HEADER, SHA256_HEADER, Signing};
use crate::objects::{
    DownloadOptions, Error, FormConstraints, Listing, ObjectInfo, Objects, PartTag, Parts,
    PresignedForm, PresignedUrl, Replace, Requirements,
};

/// The file in the folder that says whose files these are.
const OWNER: &str = "owner";

#[async_trait]
impl Objects for Embedded {
    async fn presign_put(
        &self,
        key: &ObjectKey,
        terms: &UploadConstraints,
        life: Duration,
    ) -> Result<PresignedUrl, Error> {
        Ok(self.signer.put(key, terms, self.signing(life)))
    }

    async fn presign_get(
        &self,
        key: &ObjectKey,
        terms: &DownloadOptions,
        life: Duration,
    ) -> Result<PresignedUrl, Error> {
        Ok(self.signer.get(key, terms, self.signing(life)))
    }

    async fn presign_form(
        &self,
        key: &ObjectKey,
        terms: &FormConstraints,
        life: Duration,
    ) -> Result<PresignedForm, Error> {
        Ok(self.signer.post_form(key, terms, self.signing(life)))
    }

    async fn create_multipart(
        &self,
        key: &ObjectKey,
        terms: &UploadConstraints,
    ) -> Result<String, Error> {
        let (folder, key, now_s) = (Arc::clone(&self.folder), key.clone(), self.now_s());
        let (headers, ages) = (headers(terms), Arc::clone(&self.ages));
        let begin = move || {
            sweep::expire(&folder, &ages)?;
            parts::begin(&folder, &key, headers, now_s)
        };
        blocking(begin).await
    }

    async fn presign_part(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        number: u16,
        life: Duration,
    ) -> Result<PresignedUrl, Error> {
        let signing = self.signing(life);
        Ok(self.signer.part(key, upload_id, number, signing))
    }

    async fn parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        after: u16,
    ) -> Result<Option<Parts>, Error> {
        let (folder, key) = (Arc::clone(&self.folder), key.clone());
        let upload_id = upload_id.to_owned();
        let max_parts = multipart::MAX_LISTED_PARTS.into();
        let list = move || parts::list(&folder, &key, &upload_id, after, max_parts);
        Ok(blocking(list).await?.map(|page| Parts {
            parts: page.parts.into_iter().map(|(part, _)| part).collect(),
            next: page.next,
        }))
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[PartTag],
        replace: Replace,
    ) -> Result<bool, Error> {
        let (folder, key, now_s) = (Arc::clone(&self.folder), key.clone(), self.now_s());
        let (upload_id, parts) = (upload_id.to_owned(), parts.to_vec());
        let completed = blocking(move || {
            let wish = Wish {
                parts: &parts,
                size_bytes: None,
                replace,
                now_s,
            };
            match complete(&folder, &key, &upload_id, &wish) {
                Err(Fault::Failed(cause)) => Err(cause),
                completed => Ok(completed),
            }
        });
        match completed.await? {
            Ok(_etag) => Ok(true),
            Err(Fault::NoSuchUpload | Fault::Taken) => Ok(false),
            Err(fault) => Err(Error::Refused(fault.to_string())),
        }
    }

    async fn abort_multipart(&self, key: &ObjectKey, upload_id: &str) -> Result<(), Error> {
        let (folder, key) = (Arc::clone(&self.folder), key.clone());
        let upload_id = upload_id.to_owned();
        let abort = move || parts::abort(&folder, &key, &upload_id);
        let _was_there = blocking(abort).await?;
        Ok(())
    }

    async fn part_sizes(
        &self,
        key: &ObjectKey,
        _version_id: Option<&str>,
        _size_bytes: u64,
        _count: u16,
    ) -> Result<Option<Vec<u64>>, Error> {
        let path = self.folder.object_path(key);
        let meta = blocking(move || file::describe(&path)).await?;
        let files = meta.parts.map(|parts| parts.files);
        Ok(files.map(|files| {
            files
                .into_iter()
                .map(|(_, size_bytes)| size_bytes)
                .collect()
        }))
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, String)>, Error> {
        let (folder, keys) = (Arc::clone(&self.folder), keys.to_vec());
        let remove = move || {
            let removed = keys.into_iter().map(|key| {
                let removed = file::remove(&folder, &key);
                removed.err().map(|error| (key, error.to_string()))
            });
            Ok(removed.flatten().collect())
        };
        blocking(remove).await
    }

    async fn seal(&self, key: &ObjectKey, info: &ObjectInfo) -> Result<bool, Error> {
        let (folder, key, info) = (Arc::clone(&self.folder), key.clone(), info.clone());
        blocking(move || file::seal(&folder, &key, &info)).await
    }

    fn max_clock_skew(&self) -> Duration {
        // Its dates are by the clock of this service.
        Duration::from_mins(1)
    }

    async fn retain(
        &self,
        _key: &ObjectKey,
        _version_id: Option<&str>,
        _retention: Retention,
    ) -> Result<(), Error> {
        let reason = "the embedded storage has no Object Lock";
        Err(Error::Refused(reason.to_owned()))
    }

    async fn head(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
    ) -> Result<Option<ObjectInfo>, Error> {
        if version_id.is_some_and(|version_id| version_id != NULL_VERSION) {
            return Ok(None);
        }
        let folder = Arc::clone(&self.folder);
        let key = key.clone();
        let found = blocking(move || file::open(&folder, &key)).await?;
        Ok(found.map(|object| object.meta.info()))
    }

    async fn list(
        &self,
        tenant: Option<&DatabaseName>,
        after: Option<&str>,
    ) -> Result<Listing, Error> {
        let folder = Arc::clone(&self.folder);
        let (tenant, after) = (tenant.cloned(), after.map(str::to_owned));
        let max_objects = listing::PAGE_OBJECTS;
        blocking(move || listing::page(&folder, tenant.as_ref(), after.as_deref(), max_objects))
            .await
    }

    async fn owner(&self) -> Result<Option<Uuid>, Error> {
        let folder = Arc::clone(&self.folder);
        let read = blocking(move || match folder.read_file(OWNER) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        });
        read.await?.as_deref().map(owner::parse).transpose()
    }

    async fn set_owner(&self, database: Uuid) -> Result<(), Error> {
        let folder = Arc::clone(&self.folder);
        let content = owner::content(database);
        blocking(move || folder.create_file(OWNER, content.as_bytes()).map(drop)).await
    }

    async fn age_cutoff(&self, life: Duration) -> Result<Option<Timestamp>, Error> {
        Ok(self.ages.before(life))
    }

    async fn ping(&self) -> Result<(), Error> {
        let folder = Arc::clone(&self.folder);
        blocking(move || folder.ping()).await
    }

    async fn check(&self, requirements: &Requirements) -> Vec<Finding> {
        let folder = Arc::clone(&self.folder);
        let keeps_key_pair = self.keeps_key_pair;
        let on_disk = blocking(move || {
            let credentials = if keeps_key_pair {
                keys::check(folder.path())
            } else {
                Finding::good("credentials", "key pair from the settings")
            };
            Ok([check_folder(folder.path()), credentials])
        });
        let mut findings = match on_disk.await {
            Ok(findings) => Vec::from(findings),
            Err(error) => vec![Finding::wrong(
                "bucket",
                error.to_string(),
                "look at the log",
            )],
        };
        let folder = Arc::clone(&self.folder);
        let damage = blocking(move || Ok(aside::check(&folder))).await;
        findings.extend(damage.ok().flatten());
        findings.push(Finding::good("clock", "signs and verifies by one clock"));
        findings.extend(self.check_public_url());
        findings.extend(
            requirements
                .origins
                .iter()
                .map(|origin| self.check_origin(origin)),
        );
        findings
    }
}

impl Embedded {
    fn signing(&self, life: Duration) -> Signing<'_> {
        Signing {
            credentials: &self.credentials,
            now: self.ages.now(),
            life,
        }
    }

    /// Returns the time in seconds since 1970.
    fn now_s(&self) -> u64 {
        u64::try_from(self.ages.now().as_second()).unwrap_or_default()
    }

    /// A path in the public URL is signed, and a proxy that removes it breaks every signature.
    fn check_public_url(&self) -> Option<Finding> {
        let path = self.public_url.path();
        (path != "/").then(|| {
            Finding::wrong(
                "bucket",
                format!(
                    "file URLs start with '{path}', which the embedded endpoint does not serve"
                ),
                "set --public-url to an address without a path",
            )
        })
    }

    fn check_origin(&self, origin: &str) -> Finding {
        if self
            .origins
            .iter()
            .any(|known| known == ANY_ORIGIN || known == origin)
        {
            return Finding::good(
                "cors",
                format!("pages of '{origin}' may upload and download"),
            );
        }
        Finding::wrong(
            "cors",
            format!("browsers will not let pages of '{origin}' upload or download"),
            format!("add '{origin}' to the allowed origins"),
        )
    }
}

/// Returns what is kept of the terms until the upload is completed.
fn headers(terms: &UploadConstraints) -> Headers {
    let UploadConstraints {
        content_type,
        size_bytes: _,
        sha256,
        file_name,
        once: _,
    } = terms;
    let mut user = BTreeMap::new();
    let mut keep = |header: &str, value: Option<String>| {
        let name = header.strip_prefix(file::USER).unwrap_or(header);
        user.extend(value.map(|value| (name.to_owned(), value)));
    };
    keep(
        FILE_NAME_HEADER,
        file_name.as_ref().map(FileName::to_header),
    );
    keep(SHA256_HEADER, sha256.map(|sha256| sha256.to_string()));
    Headers {
        content_type: content_type.as_ref().map(ToString::to_string),
        user,
        ..Headers::default()
    }
}
