//! Implements [`Objects`] on the folder, without HTTP.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::disk::folder::io_errors::if_found;
use super::disk::folder::{Folder, OWNER, key_pair, quarantine, shard};
use super::disk::multipart::{self, CompleteError, CompleteRequest};
use super::disk::object::{self, Headers, listing, read_metadata};
use super::endpoint::ANY_ORIGIN;
use super::s3_api::{MAX_LISTED_PARTS, NULL_VERSION};
use super::{Embedded, blocking, check_writable};
use crate::domain::{Clock, DatabaseName, Finding, ObjectKey, Retention, UploadConstraints};
use crate::objects::owner;
use crate::objects::signer::Signing;
use crate::objects::{
    DownloadOptions, Error, FormConstraints, Listing, ObjectInfo, Objects, PartTag, Parts,
    PresignedForm, PresignedUrl, Replace, Requirements,
};

#[async_trait]
impl Objects for Embedded {
    async fn presign_put(
        &self,
        key: &ObjectKey,
        constraints: &UploadConstraints,
        life: Duration,
    ) -> Result<PresignedUrl, Error> {
        Ok(self.signer.put(key, constraints, self.signing(life)))
    }

    async fn presign_get(
        &self,
        key: &ObjectKey,
        options: &DownloadOptions,
        life: Duration,
    ) -> Result<PresignedUrl, Error> {
        Ok(self.signer.get(key, options, self.signing(life)))
    }

    async fn presign_form(
        &self,
        key: &ObjectKey,
        constraints: &FormConstraints,
        life: Duration,
    ) -> Result<PresignedForm, Error> {
        let signing = self.signing(life);
        Ok(self.signer.post_form(key, constraints, signing))
    }

    async fn create_multipart(
        &self,
        key: &ObjectKey,
        constraints: &UploadConstraints,
    ) -> Result<String, Error> {
        let (key, headers) = (key.clone(), Headers::from_constraints(constraints));
        let clock = Arc::clone(&self.clock);
        self.on_disk(move |folder| multipart::create(folder, &clock, &key, headers))
            .await
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
        let (key, upload_id) = (key.clone(), upload_id.to_owned());
        let max_parts = MAX_LISTED_PARTS.into();
        let page = self.on_disk(move |folder| {
            multipart::list_parts(folder, &key, &upload_id, after, max_parts)
        });
        Ok(page.await?.map(|page| Parts {
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
        let (key, now_s) = (key.clone(), self.clock.now_s());
        let (upload_id, parts) = (upload_id.to_owned(), parts.to_vec());
        let completed = self.on_disk(move |folder| {
            let request = CompleteRequest {
                parts: &parts,
                size_bytes: None,
                check: &|_| Ok(()),
                overwrite: replace.into(),
                now_s,
            };
            match multipart::complete(folder, &key, &upload_id, &request) {
                Err(CompleteError::Io(cause)) => Err(cause),
                completed => Ok(completed),
            }
        });
        match completed.await? {
            Ok(_etag) => Ok(true),
            Err(CompleteError::NoSuchUpload | CompleteError::AlreadyExists) => Ok(false),
            Err(error) => Err(Error::Refused(error.to_string())),
        }
    }

    async fn abort_multipart(&self, key: &ObjectKey, upload_id: &str) -> Result<(), Error> {
        let (key, upload_id) = (key.clone(), upload_id.to_owned());
        self.on_disk(move |folder| multipart::abort(folder, &key, &upload_id).map(drop))
            .await
    }

    async fn part_sizes(
        &self,
        key: &ObjectKey,
        _version_id: Option<&str>,
        _size_bytes: u64,
        _count: u16,
    ) -> Result<Option<Vec<u64>>, Error> {
        let path = self.folder.object_path(key);
        let metadata = blocking(move || read_metadata(&path)).await?;
        let sizes = |files: Vec<(u16, u64)>| files.into_iter().map(|(_, size_bytes)| size_bytes);
        Ok(metadata.parts.map(|parts| sizes(parts.files).collect()))
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<(ObjectKey, String)>, Error> {
        let keys = keys.to_vec();
        let failed = self.on_disk(move |folder| {
            let failed = keys.into_iter().filter_map(|key| {
                let deleted = object::delete(folder, &key);
                deleted.err().map(|error| (key, error.to_string()))
            });
            Ok(failed.collect())
        });
        failed.await
    }

    async fn seal(&self, key: &ObjectKey, info: &ObjectInfo) -> Result<bool, Error> {
        let (key, info) = (key.clone(), info.clone());
        self.on_disk(move |folder| object::seal(folder, &key, &info))
            .await
    }

    fn max_clock_skew(&self) -> Duration {
        // This service's own clock dates the objects.
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
        let key = key.clone();
        let found = self.on_disk(move |folder| object::open(folder, &key));
        Ok(found.await?.map(|object| object.metadata.into_info()))
    }

    async fn list(
        &self,
        tenant: Option<&DatabaseName>,
        after: Option<&str>,
    ) -> Result<Listing, Error> {
        let (tenant, after) = (tenant.cloned(), after.map(str::to_owned));
        let max = listing::PAGE_OBJECTS;
        self.on_disk(move |folder| listing::page(folder, tenant.as_ref(), after.as_deref(), max))
            .await
    }

    async fn owner(&self) -> Result<Option<Uuid>, Error> {
        let read = self.on_disk(|folder| if_found(folder.read_file(OWNER)));
        read.await?.as_deref().map(owner::parse).transpose()
    }

    async fn set_owner(&self, database: Uuid) -> Result<(), Error> {
        let content = owner::content(database);
        self.on_disk(move |folder| folder.create_file(OWNER, content.as_bytes()).map(drop))
            .await
    }

    async fn age_cutoff(&self, life: Duration) -> Result<Option<Timestamp>, Error> {
        Ok(self.clock.cutoff(life))
    }

    async fn ping(&self) -> Result<(), Error> {
        self.on_disk(|folder| {
            shard::make_all_durable(folder)?;
            folder.ping()
        })
        .await
    }

    async fn check(&self, requirements: &Requirements) -> Vec<Finding> {
        let stores_key_pair = self.stores_key_pair;
        let on_disk = self.on_disk(move |folder| {
            let path = folder.path();
            let credentials = if stores_key_pair {
                key_pair::check(path)
            } else {
                Finding::good(
                    "credentials",
                    "key pair of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                )
            };
            let findings = [check_writable(path), credentials].into_iter();
            Ok(findings.chain(quarantine::check(folder)).collect())
        });
        let mut findings = on_disk.await.unwrap_or_else(|error| {
            let message = error.to_string();
            vec![Finding::wrong("bucket", message, "look at the log")]
        });
        findings.push(Finding::good("clock", "signs and verifies by one clock"));
        findings.extend(self.check_public_url());
        let origins = requirements.origins.iter();
        findings.extend(origins.map(|origin| self.check_origin(origin)));
        findings
    }
}

impl Embedded {
    fn signing(&self, life: Duration) -> Signing<'_> {
        Signing {
            credentials: &self.credentials,
            now: self.clock.now(),
            life,
        }
    }

    /// Runs `work` where blocking is allowed.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Folder>) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let folder = Arc::clone(&self.folder);
        blocking(move || work(&folder)).await
    }

    /// Reports a path in the public URL: it is signed, and a proxy that removes it breaks every signature.
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
        let mut allowed = self.origins.iter();
        if allowed.any(|allowed| allowed == ANY_ORIGIN || allowed == origin) {
            let message = format!("pages of '{origin}' may upload and download");
            return Finding::good("cors", message);
        }
        Finding::wrong(
            "cors",
            format!("browsers will not let pages of '{origin}' upload or download"),
            format!("add '{origin}' to the allowed origins"),
        )
    }
}
