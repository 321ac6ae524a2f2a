//! The requests that the service itself sends to S3.

use std::fmt::Write;

use rusty_s3::Method;
use rusty_s3::actions::{DeleteObjects, ObjectIdentifier};

use super::{IF_ABSENT, Signer, Signing, upload_headers};
use crate::domain::{DatabaseName, FileSha256, ObjectKey, UploadConstraints};
use crate::objects::{PartTag, PresignedUrl, Replace};

/// The size of a page of parts, which is S3's default: other storages list all ten thousand.
const MAX_PARTS: &str = "1000";

/// Makes S3 return the checksums that it has of an object.
const CHECKSUM_MODE: (&str, &str) = ("x-amz-checksum-mode", "ENABLED");

/// The key, below the prefix, of the object that names the owner of the files. No tenant's name begins like this.
const OWNER: &str = ".event-history/owner";

impl Signer {
    /// Signs a HEAD of an object, or of one part of it.
    pub fn head(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        part: Option<u16>,
        signing: Signing<'_>,
    ) -> PresignedUrl {
        let part = part.map(|number| number.to_string());
        let part = part.as_deref().map(|number| ("partNumber", number));
        let version = version_id.map(|version_id| ("versionId", version_id));
        let query: Vec<_> = part.into_iter().chain(version).collect();
        self.sign(
            Method::Head,
            self.object_url(key),
            &query,
            &[CHECKSUM_MODE],
            signing,
        )
    }

    /// Signs the listing of a page of keys, those of one tenant or all. `after` is the previous page's continuation
    /// token.
    pub fn list(
        &self,
        tenant: Option<&DatabaseName>,
        after: Option<&str>,
        signing: Signing<'_>,
    ) -> PresignedUrl {
        let tenant = tenant.map(|tenant| format!("{tenant}/"));
        self.list_below(&tenant.unwrap_or_default(), after, signing)
    }

    /// Signs the listing of a page of the keys that begin with `beginning`, below the prefix.
    pub fn list_below(
        &self,
        beginning: &str,
        after: Option<&str>,
        signing: Signing<'_>,
    ) -> PresignedUrl {
        let prefix = self.full_key(beginning);
        let after = after.map(|after| ("continuation-token", after));
        let rest = [
            ("encoding-type", "url"),
            ("list-type", "2"),
            ("prefix", &*prefix),
        ];
        let query: Vec<_> = after.into_iter().chain(rest).collect();
        self.sign(
            Method::Get,
            self.bucket.base_url().clone(),
            &query,
            &[],
            signing,
        )
    }

    /// Signs a PUT of a blob. S3 refuses other bytes, and a bucket with Object Lock requires the checksum.
    pub fn put_blob(
        &self,
        name: &str,
        content_sha256: FileSha256,
        signing: Signing<'_>,
    ) -> PresignedUrl {
        let checksum = content_sha256.to_base64();
        let headers = [("x-amz-checksum-sha256", &*checksum)];
        self.sign(Method::Put, self.object_url(name), &[], &headers, signing)
    }

    /// Signs a GET of a blob.
    pub fn get_blob(&self, name: &str, signing: Signing<'_>) -> PresignedUrl {
        self.sign(Method::Get, self.object_url(name), &[], &[], signing)
    }

    /// Signs a HEAD of a blob.
    pub fn head_blob(&self, name: &str, signing: Signing<'_>) -> PresignedUrl {
        self.sign(Method::Head, self.object_url(name), &[], &[], signing)
    }

    /// Returns a document that lists objects to be deleted, and its `Content-MD5`.
    pub fn delete_body(&self, keys: &[ObjectKey]) -> (String, String) {
        let named = |key: &ObjectKey| ObjectIdentifier::new(self.full_key(key));
        let objects: Vec<_> = keys.iter().map(named).collect();
        let mut action = DeleteObjects::new(&self.bucket, None, objects.iter());
        action.set_quiet(true);
        action.body_with_md5()
    }

    /// Signs a POST of [`Signer::delete_body`].
    pub fn delete(&self, content_md5: &str, signing: Signing<'_>) -> PresignedUrl {
        let url = self.bucket.base_url().clone();
        let headers = [("content-md5", content_md5)];
        self.sign(Method::Post, url, &[("delete", "1")], &headers, signing)
    }

    /// Signs a HEAD of the bucket.
    pub fn head_bucket(&self, signing: Signing<'_>) -> PresignedUrl {
        self.sign(
            Method::Head,
            self.bucket.base_url().clone(),
            &[],
            &[],
            signing,
        )
    }

    /// Signs a GET of a part of the bucket's configuration.
    pub fn configuration(&self, name: &str, signing: Signing<'_>) -> PresignedUrl {
        self.sign(
            Method::Get,
            self.bucket.base_url().clone(),
            &[(name, "")],
            &[],
            signing,
        )
    }

    /// Signs a PUT of a version's retention. S3 requires a checksum of the body.
    pub fn retain(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        body_sha256: FileSha256,
        signing: Signing<'_>,
    ) -> PresignedUrl {
        let version = version_id.map(|version_id| ("versionId", version_id));
        let query: Vec<_> = [("retention", "")].into_iter().chain(version).collect();
        let checksum = body_sha256.to_base64();
        let headers = [("x-amz-checksum-sha256", &*checksum)];
        self.sign(Method::Put, self.object_url(key), &query, &headers, signing)
    }

    /// Signs a GET of a version's retention.
    pub fn retention(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        signing: Signing<'_>,
    ) -> PresignedUrl {
        let version = version_id.map(|version_id| ("versionId", version_id));
        let query: Vec<_> = [("retention", "")].into_iter().chain(version).collect();
        self.sign(Method::Get, self.object_url(key), &query, &[], signing)
    }

    pub fn owner_key(&self) -> String {
        self.full_key(OWNER)
    }

    /// Signs a GET of the object that names the owner of the files.
    pub fn get_owner(&self, signing: Signing<'_>) -> PresignedUrl {
        self.sign(Method::Get, self.object_url(OWNER), &[], &[], signing)
    }

    /// Signs a PUT of that object, unless it exists. A bucket with Object Lock requires a checksum.
    pub fn put_owner(&self, body_sha256: FileSha256, signing: Signing<'_>) -> PresignedUrl {
        let checksum = body_sha256.to_base64();
        let headers = [IF_ABSENT, ("x-amz-checksum-sha256", &*checksum)];
        self.sign(Method::Put, self.object_url(OWNER), &[], &headers, signing)
    }

    /// Signs a POST that starts a multipart upload. It carries the metadata only: no request of such an upload can
    /// state the size or the checksum of the whole file.
    pub fn create_multipart(
        &self,
        key: &ObjectKey,
        constraints: &UploadConstraints,
        signing: Signing<'_>,
    ) -> PresignedUrl {
        let headers = upload_headers(constraints);
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .filter(|(name, _)| *name == "content-type" || name.starts_with("x-amz-meta-"))
            .collect();
        self.sign(
            Method::Post,
            self.object_url(key),
            &[("uploads", "1")],
            &headers,
            signing,
        )
    }

    /// Signs a GET that lists the parts after number `after`.
    pub fn list_parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        after: u16,
        signing: Signing<'_>,
    ) -> PresignedUrl {
        let marker = after.to_string();
        let marker = (after > 0).then_some(("part-number-marker", &*marker));
        let mut query = vec![("max-parts", MAX_PARTS)];
        query.extend(marker);
        query.push(("uploadId", upload_id));
        self.sign(Method::Get, self.object_url(key), &query, &[], signing)
    }

    /// Signs a POST of [`complete_body`], which completes a multipart upload.
    pub fn complete(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        replace: Replace,
        signing: Signing<'_>,
    ) -> PresignedUrl {
        let headers: &[_] = match replace {
            Replace::Yes => &[],
            Replace::No => &[IF_ABSENT],
        };
        let query = [("uploadId", upload_id)];
        self.sign(Method::Post, self.object_url(key), &query, headers, signing)
    }

    /// Signs a DELETE that aborts a multipart upload.
    pub fn abort(&self, key: &ObjectKey, upload_id: &str, signing: Signing<'_>) -> PresignedUrl {
        let query = [("uploadId", upload_id)];
        self.sign(Method::Delete, self.object_url(key), &query, &[], signing)
    }
}

/// Returns the document that lists the parts of an object, in the order of their numbers.
pub fn complete_body(parts: &[PartTag]) -> String {
    let mut body = String::from("<CompleteMultipartUpload>");
    for PartTag { number, etag } in parts {
        // Writing to a String cannot fail.
        let _ = write!(
            body,
            "<Part><ETag>&quot;{}&quot;</ETag><PartNumber>{number}</PartNumber></Part>",
            escape_xml(etag)
        );
    }
    body.push_str("</CompleteMultipartUpload>");
    body
}

fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
