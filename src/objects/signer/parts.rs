//! Uploads in parts, and what else is done to objects that are there.

use std::fmt::Write;
use std::iter;
use std::time::Duration;

use jiff::Timestamp;
use rusty_s3::actions::{DeleteObjects, ObjectIdentifier, S3Action};
use rusty_s3::{Credentials, Method};

use super::{ONLY_NEW, Signer, end, header, sign, upload_headers, whole_seconds};
use crate::domain::{ObjectKey, UploadConstraints};
use crate::objects::{PartTag, PresignedUrl, Replace};

/// The parts of one page, as S3 has them by default; others would list all ten thousand.
const PAGE_PARTS: u16 = 1000;

impl Signer {
    /// Signs the POST that begins an upload in parts. Of the terms it states what the object is to be
    /// like; no request of such an upload has the whole file's size or checksum.
    pub fn create_multipart(
        &self,
        key: &ObjectKey,
        terms: &UploadConstraints,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> PresignedUrl {
        let key = self.full_key(key);
        let mut headers = upload_headers(terms);
        headers.retain(|(name, _)| name == "content-type" || name.starts_with("x-amz-meta-"));
        let mut action = self.bucket.create_multipart_upload(Some(credentials), &key);
        for (name, value) in &headers {
            action.headers_mut().insert(name.as_str(), value.as_str());
        }
        let mut presigned = sign(&action, now, life);
        presigned.headers = headers;
        presigned
    }

    /// Signs the PUT of one part, likewise.
    pub fn part(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        number: u16,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> PresignedUrl {
        let key = self.full_key(key);
        let action = self
            .bucket
            .upload_part(Some(credentials), &key, number, upload_id);
        sign(&action, now, life)
    }

    /// Signs the GET that lists the parts behind number `after`, likewise.
    pub fn list_parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        after: u16,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> PresignedUrl {
        let key = self.full_key(key);
        let mut action = self.bucket.list_parts(Some(credentials), &key, upload_id);
        action.set_max_parts(PAGE_PARTS);
        if after > 0 {
            action.set_part_number_marker(after);
        }
        sign(&action, now, life)
    }

    /// Signs the POST that makes the object out of parts, with [`complete_body`] and the headers that
    /// stand with it.
    pub fn complete(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        replace: Replace,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> PresignedUrl {
        let key = self.full_key(key);
        let bucket = &self.bucket;
        let mut action = bucket.complete_multipart_upload(
            Some(credentials),
            &key,
            upload_id,
            iter::empty::<&str>(),
        );
        let headers = match replace {
            Replace::Yes => Vec::new(),
            Replace::No => vec![header(ONLY_NEW)],
        };
        for (name, value) in &headers {
            action.headers_mut().insert(name.as_str(), value.as_str());
        }
        let mut presigned = sign(&action, now, life);
        presigned.headers = headers;
        presigned
    }

    /// Signs the DELETE that ends an upload, likewise.
    pub fn abort(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> PresignedUrl {
        let key = self.full_key(key);
        let action = self
            .bucket
            .abort_multipart_upload(Some(credentials), &key, upload_id);
        sign(&action, now, life)
    }

    /// Signs the POST that removes many objects, with the body and the `Content-MD5` that it needs.
    pub fn delete(
        &self,
        keys: &[ObjectKey],
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> (PresignedUrl, String) {
        let named = |key| ObjectIdentifier::new(self.full_key(key));
        let objects: Vec<_> = keys.iter().map(named).collect();
        let mut action = DeleteObjects::new(&self.bucket, Some(credentials), objects.iter());
        action.set_quiet(true);
        let mut presigned = sign(&action, now, life);
        let (body, md5) = action.body_with_md5();
        presigned.headers = vec![("content-md5".to_owned(), md5)];
        (presigned, body)
    }

    /// Signs the GET of a part of the bucket's configuration, likewise.
    pub fn configuration(
        &self,
        name: &str,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> PresignedUrl {
        let life = whole_seconds(life);
        let url = rusty_s3::signing::sign(
            &now,
            Method::Get,
            self.bucket.base_url().clone(),
            credentials.key(),
            credentials.secret(),
            credentials.token(),
            self.bucket.region(),
            life.as_secs(),
            iter::once((name, "")),
            iter::empty(),
        );
        PresignedUrl {
            url: url.into(),
            headers: Vec::new(),
            expires_at: end(now, life),
        }
    }

    /// Signs the PUT of a version's retention, with `headers` (sorted, in lower case), likewise.
    pub fn retain(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        headers: Vec<(String, String)>,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> PresignedUrl {
        let life = whole_seconds(life);
        let version = version_id.map(|version_id| ("versionId", version_id));
        let url = rusty_s3::signing::sign(
            &now,
            Method::Put,
            self.bucket.object_url(&self.full_key(key)),
            credentials.key(),
            credentials.secret(),
            credentials.token(),
            self.bucket.region(),
            life.as_secs(),
            iter::once(("retention", "")).chain(version),
            headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        PresignedUrl {
            url: url.into(),
            headers,
            expires_at: end(now, life),
        }
    }
}

/// Returns the document that names the parts of an object, in the order of their numbers.
pub fn complete_body(parts: &[PartTag]) -> String {
    let mut body = String::from("<CompleteMultipartUpload>");
    for PartTag { number, etag } in parts {
        // Writing to a String cannot fail.
        let _ = write!(
            body,
            "<Part><ETag>&quot;{}&quot;</ETag><PartNumber>{number}</PartNumber></Part>",
            escaped(etag)
        );
    }
    body.push_str("</CompleteMultipartUpload>");
    body
}

/// Whatever an uploader calls a part's tag, it stays text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
