//! Metadata of stored objects.

use futures_util::{StreamExt, TryStreamExt, stream};
use http::header::{CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{Method, StatusCode};

use super::S3;
use super::client::Call;
use super::response::{Response, no_bucket, unavailable};
use crate::domain::{ContentType, FileName, FileSha256, ObjectKey};
use crate::objects::signer::{FILE_NAME_HEADER, SHA256_HEADER, Signing};
use crate::objects::{DownloadOptions, Error, ObjectInfo};

const PERMISSIONS: &str = "s3:GetObject on the objects or s3:ListBucket on the bucket";
const VERSION_PERMISSIONS: &str =
    "s3:GetObjectVersion on the objects or s3:ListBucketVersions on the bucket";

/// The number of concurrent requests for part sizes. Ten thousand parts take some ten seconds, next to the hours that
/// reading them takes.
const MAX_CONCURRENT: usize = 8;

impl S3 {
    pub(super) async fn head_object(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
    ) -> Result<Option<ObjectInfo>, Error> {
        let call = Call::new("head", Method::HEAD);
        let response = self
            .send(call, |signing| {
                self.signer.head(key, version_id, None, signing)
            })
            .await?;
        let permissions = match version_id {
            Some(_) => VERSION_PERMISSIONS,
            None => PERMISSIONS,
        };
        match response.status {
            StatusCode::OK => {
                let info = object_info(&response)?;
                // A bucket without versioning may respond with whatever it has.
                let is_asked = version_id.is_none_or(|it| info.version_id.as_deref() == Some(it));
                Ok(is_asked.then_some(info))
            }
            _ if response.header("x-amz-delete-marker") == Some("true") => Ok(None),
            StatusCode::NOT_FOUND => {
                self.require_bucket().await?;
                Ok(None)
            }
            StatusCode::BAD_REQUEST if let Some(version_id) = version_id => {
                self.explain_bad_request(key, version_id).await
            }
            _ => Err(response.error(permissions)),
        }
    }

    /// Finds out whether a HEAD failed because the bucket cannot have a version with this id. Its response had no body,
    /// and expired credentials lead to the same status.
    async fn explain_bad_request(
        &self,
        key: &ObjectKey,
        version_id: &str,
    ) -> Result<Option<ObjectInfo>, Error> {
        let options = DownloadOptions {
            version_id: Some(version_id.to_owned()),
            ..DownloadOptions::default()
        };
        let sign = |signing: Signing<'_>| {
            let mut signed = self.signer.get(key, &options, signing);
            // One byte, in case it exists after all.
            let range = ("range".to_owned(), "bytes=0-0".to_owned());
            signed.headers.push(range);
            signed
        };
        let response = self.send(Call::new("head", Method::GET), sign).await?;
        match response.error_code() {
            // SeaweedFS calls some of them an invalid request.
            Some("InvalidArgument" | "InvalidRequest" | "NoSuchVersion" | "NoSuchKey") => Ok(None),
            _ => Err(response.error(VERSION_PERMISSIONS)),
        }
    }

    /// Asks for each part by itself. Source: Amazon S3 API reference, "`HeadObject`", on `partNumber`.
    pub(super) async fn head_parts(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        size_bytes: u64,
        count: u16,
    ) -> Result<Option<Vec<u64>>, Error> {
        // A storage that ignores the part number responds with the whole size.
        match self.head_part(key, version_id, 1).await? {
            Some(first) if count == 1 || first < size_bytes => {}
            _ => return Ok(None),
        }
        let sizes: Option<Vec<u64>> = stream::iter(1..=count)
            .map(|number| self.head_part(key, version_id, number))
            .buffered(MAX_CONCURRENT)
            .try_collect::<Vec<_>>()
            .await?
            .into_iter()
            .collect();
        Ok(sizes.filter(|sizes| sizes.iter().sum::<u64>() == size_bytes))
    }

    async fn head_part(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        number: u16,
    ) -> Result<Option<u64>, Error> {
        let sign = |signing: Signing<'_>| self.signer.head(key, version_id, Some(number), signing);
        let response = self.send(Call::new("head", Method::HEAD), sign).await?;
        match response.status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(response.content_length()),
            // It does not support part numbers, or has no such part.
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::RANGE_NOT_SATISFIABLE
            | StatusCode::NOT_IMPLEMENTED => Ok(None),
            _ => Err(response.error("s3:GetObject on the objects")),
        }
    }

    /// Fails if the bucket does not exist. The response to the HEAD of an object has no body that tells, and a file is
    /// not gone because an operator has to create the bucket.
    async fn require_bucket(&self) -> Result<(), Error> {
        let call = Call::new("ping", Method::HEAD);
        let sign = |signing: Signing<'_>| self.signer.head_bucket(signing);
        match self.send(call, sign).await?.status {
            StatusCode::NOT_FOUND => Err(no_bucket()),
            // Credentials may be allowed to read objects alone.
            _ => Ok(()),
        }
    }

    pub(super) async fn head_bucket(&self) -> Result<Response, Error> {
        let call = Call::new("ping", Method::HEAD);
        let response = self
            .send(call, |signing| self.signer.head_bucket(signing))
            .await?;
        match response.status {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND => Err(no_bucket()),
            _ => Err(response.error(PERMISSIONS)),
        }
    }
}

fn object_info(response: &Response) -> Result<ObjectInfo, Error> {
    let size_bytes = response.content_length();
    let size_bytes = size_bytes.ok_or_else(|| unavailable("its answer to HEAD states no size"))?;
    let etag = response.header(ETAG);
    let etag = etag.map(|etag| etag.trim_matches('"').to_owned());
    Ok(ObjectInfo {
        size_bytes,
        has_opaque_etag: has_opaque_etag(response),
        sha256: whole_sha256(response, etag.as_deref()),
        declared_sha256: response
            .header(SHA256_HEADER)
            .and_then(FileSha256::from_hex),
        content_type: response
            .header(CONTENT_TYPE)
            .and_then(|it| ContentType::parse(it).ok()),
        // Objects that were stored without versioning have the id "null".
        version_id: response
            .header("x-amz-version-id")
            .filter(|it| !it.is_empty() && *it != "null")
            .map(str::to_owned),
        file_name: response
            .header(FILE_NAME_HEADER)
            .and_then(FileName::from_header),
        modified_at: response.date(LAST_MODIFIED),
        etag,
    })
}

/// Returns the checksum if it covers the whole object. A composite checksum is marked by a type or a suffix with the
/// number of parts; if neither is there, the ETag shows whether the object was uploaded in parts.
/// Source: Amazon S3 user guide, "Checking object integrity", on composite checksums.
fn whole_sha256(response: &Response, etag: Option<&str>) -> Option<FileSha256> {
    let is_whole = match response.header("x-amz-checksum-type") {
        Some(kind) => kind == "FULL_OBJECT",
        None => !etag.is_some_and(|etag| etag.contains('-')),
    };
    let checksum = response
        .header("x-amz-checksum-sha256")
        .filter(|_| is_whole)?;
    FileSha256::from_base64(checksum).ok()
}

/// Source: Amazon S3 API reference, "Object", on `ETag`.
fn has_opaque_etag(response: &Response) -> bool {
    let encryption = response.header("x-amz-server-side-encryption");
    let customer = response.header("x-amz-server-side-encryption-customer-algorithm");
    encryption.is_some_and(|it| it.starts_with("aws:kms")) || customer.is_some()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    use super::object_info;
    use crate::objects::s3::response::Response;
    use crate::objects::{Error, ObjectInfo};

    const CHECKSUM: &str = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";

    fn info(headers: &[(&'static str, &'static str)]) -> Result<ObjectInfo, Error> {
        let named = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        object_info(&Response {
            status: StatusCode::OK,
            headers: headers.iter().map(named).collect::<HeaderMap>(),
            body: String::new(),
        })
    }

    #[test]
    fn all_headers_are_parsed() {
        let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let info = info(&[
            ("content-length", "5"),
            ("etag", "\"5d41402abc4b2a76b9719d911017c592\""),
            ("content-type", "text/plain"),
            ("last-modified", "Mon, 23 Nov 2026 10:00:00 GMT"),
            ("x-amz-version-id", "v.1"),
            ("x-amz-checksum-sha256", CHECKSUM),
            ("x-amz-meta-sha256", sha256),
            ("x-amz-meta-file-name", "a%20b.txt"),
        ])
        .unwrap();
        let text = |it: Option<&dyn std::fmt::Display>| it.map(ToString::to_string);
        assert_eq!(info.size_bytes, 5);
        assert_eq!(
            info.etag.as_deref(),
            Some("5d41402abc4b2a76b9719d911017c592")
        );
        assert_eq!(
            text(info.sha256.as_ref().map(|it| it as _)).unwrap(),
            sha256
        );
        assert_eq!(info.declared_sha256, info.sha256);
        assert_eq!(info.content_type.unwrap().as_str(), "text/plain");
        assert_eq!(info.version_id.as_deref(), Some("v.1"));
        assert_eq!(info.file_name.unwrap().as_str(), "a b.txt");
        assert_eq!(
            info.modified_at,
            Some("2026-11-23T10:00:00Z".parse().unwrap())
        );
    }

    #[test]
    fn composite_checksums_are_ignored() {
        let length = ("content-length", "5");
        let checksum = ("x-amz-checksum-sha256", CHECKSUM);
        let full = ("x-amz-checksum-type", "FULL_OBJECT");
        let parts = ("etag", "\"5d41402abc4b2a76b9719d911017c592-2\"");
        assert!(
            info(&[length, checksum, full, parts])
                .unwrap()
                .sha256
                .is_some()
        );
        for headers in [
            [length, checksum, ("x-amz-checksum-type", "COMPOSITE")],
            [length, checksum, parts],
            [
                length,
                full,
                (
                    "x-amz-checksum-sha256",
                    "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=-2",
                ),
            ],
        ] {
            assert_eq!(info(&headers).unwrap().sha256, None, "{headers:?}");
        }
        let null = info(&[length, ("x-amz-version-id", "null")]).unwrap();
        assert_eq!(null.version_id, None);
        assert!(info(&[checksum]).is_err());
    }
}
