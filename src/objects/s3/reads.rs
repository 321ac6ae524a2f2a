//! What is asked of S3 about objects that are there.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use rusty_s3::actions::{ListObjectsV2, ListObjectsV2Response};

use super::S3;
use super::answer::{Answer, unavailable};
use super::client::Call;
use crate::domain::{ContentType, DatabaseName, FileName, FileSha256, ObjectKey};
use crate::objects::signer::{FILE_NAME_HEADER, SHA256_HEADER};
use crate::objects::{DownloadOptions, Error, ListedObject, Listing, ObjectInfo};

const RIGHTS: &str = "s3:GetObject on the objects or s3:ListBucket on the bucket";
const VERSION_RIGHTS: &str =
    "s3:GetObjectVersion on the objects or s3:ListBucketVersions on the bucket";

impl S3 {
    pub(super) async fn ask_head(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
    ) -> Result<Option<ObjectInfo>, Error> {
        let signed = self
            .sign(|credentials, now, life| {
                self.signer
                    .head(key, version_id, None, credentials, now, life)
            })
            .await?;
        let call = Call::new("head", Method::HEAD, &signed);
        let answer = self.client.call(call).await?;
        let rights = match version_id {
            Some(_) => VERSION_RIGHTS,
            None => RIGHTS,
        };
        match answer.status {
            StatusCode::OK => {
                let info = object_info(&answer)?;
                // A bucket that keeps no versions may answer with whatever it has.
                let is_asked = version_id.is_none_or(|it| info.version_id.as_deref() == Some(it));
                Ok(is_asked.then_some(info))
            }
            StatusCode::NOT_FOUND => Ok(None),
            // A version can be the mark that the object was removed.
            _ if answer.header("x-amz-delete-marker") == Some("true") => Ok(None),
            StatusCode::BAD_REQUEST if let Some(version_id) = version_id => {
                self.ask_why(key, version_id).await
            }
            _ => Err(answer.refusal(rights)),
        }
    }

    /// Finds out whether a HEAD was refused because no version could have this id, as that of another
    /// bucket: its answer had no body that says, and expired credentials are refused alike.
    async fn ask_why(
        &self,
        key: &ObjectKey,
        version_id: &str,
    ) -> Result<Option<ObjectInfo>, Error> {
        let terms = DownloadOptions {
            version_id: Some(version_id.to_owned()),
            ..DownloadOptions::default()
        };
        let mut signed = self
            .sign(|credentials, now, life| self.signer.get(key, &terms, credentials, now, life))
            .await?;
        // Should it be there after all: one byte of it.
        signed
            .headers
            .push(("range".to_owned(), "bytes=0-0".to_owned()));
        let answer = self
            .client
            .call(Call::new("head", Method::GET, &signed))
            .await?;
        match answer.code() {
            Some("InvalidArgument" | "NoSuchVersion" | "NoSuchKey") => Ok(None),
            _ => Err(answer.refusal(VERSION_RIGHTS)),
        }
    }

    pub(super) async fn ask_list(
        &self,
        tenant: Option<&DatabaseName>,
        after: Option<&str>,
    ) -> Result<Listing, Error> {
        let signed = self
            .sign(|credentials, now, life| self.signer.list(tenant, after, credentials, now, life))
            .await?;
        let call = Call::new("list", Method::GET, &signed).page();
        let answer = self.client.call(call).await?;
        match answer.status {
            StatusCode::OK => match ListObjectsV2::parse_response(&answer.body) {
                Ok(page) => Ok(self.listing(page)),
                Err(error) => {
                    let reason = format!("its list of keys makes no sense: {error}");
                    Err(unavailable(reason))
                }
            },
            StatusCode::NOT_FOUND => Err(unavailable("the bucket does not exist".to_owned())),
            _ => Err(answer.refusal("s3:ListBucket on the bucket")),
        }
    }

    /// Answers with the storage's answer, if that is good.
    pub(super) async fn ask_bucket(&self) -> Result<Answer, Error> {
        let signed = self
            .sign(|credentials, now, life| self.signer.head_bucket(credentials, now, life))
            .await?;
        let call = Call::new("ping", Method::HEAD, &signed);
        let answer = self.client.call(call).await?;
        match answer.status {
            StatusCode::OK => Ok(answer),
            StatusCode::NOT_FOUND => Err(unavailable("the bucket does not exist".to_owned())),
            _ => Err(answer.refusal(RIGHTS)),
        }
    }

    fn listing(&self, page: ListObjectsV2Response) -> Listing {
        let mut listing = Listing {
            next: page.next_continuation_token,
            ..Listing::default()
        };
        for content in page.contents {
            let key = self.signer.key_of(&content.key);
            match (key, content.size) {
                (Some(key), Some(size_bytes)) => {
                    let etag = content.etag.map(|etag| etag.trim_matches('"').to_owned());
                    let modified_at = content.last_modified.and_then(|it| it.parse().ok());
                    let info = ObjectInfo {
                        size_bytes,
                        etag,
                        modified_at,
                        ..ObjectInfo::default()
                    };
                    listing.objects.push(ListedObject { key, info });
                }
                (Some(key), None) => {
                    let problem = format!("object '{key}' is listed without a size");
                    listing.damaged.push(problem);
                }
                (None, _) if content.key == self.signer.owner_key() => {}
                (None, _) => listing.unknown_keys.push(content.key),
            }
        }
        listing
    }
}

fn object_info(answer: &Answer) -> Result<ObjectInfo, Error> {
    let size_bytes = answer
        .header(CONTENT_LENGTH.as_str())
        .and_then(|length| length.parse().ok())
        .ok_or_else(|| unavailable("its answer to HEAD states no size".to_owned()))?;
    let etag = answer.header(ETAG.as_str());
    let etag = etag.map(|etag| etag.trim_matches('"').to_owned());
    let version_id = answer.header("x-amz-version-id");
    Ok(ObjectInfo {
        size_bytes,
        has_opaque_etag: has_opaque_etag(answer),
        sha256: whole_sha256(answer, etag.as_deref()),
        declared_sha256: answer.header(SHA256_HEADER).and_then(FileSha256::from_hex),
        content_type: answer
            .header(CONTENT_TYPE.as_str())
            .and_then(|it| ContentType::parse(it).ok()),
        // What was put before versions were kept, or while they were not, has the id "null".
        version_id: version_id
            .filter(|it| !it.is_empty() && *it != "null")
            .map(str::to_owned),
        file_name: answer
            .header(FILE_NAME_HEADER)
            .and_then(FileName::from_header),
        modified_at: answer.header(LAST_MODIFIED.as_str()).and_then(http_date),
        etag,
    })
}

/// Returns the checksum if it is one of the whole object: one of an object's parts has the number of
/// them behind it, or says so, and where nothing is said the tag tells how the object came.
/// Source: Amazon S3 user guide, "Checking object integrity", on composite checksums.
fn whole_sha256(answer: &Answer, etag: Option<&str>) -> Option<FileSha256> {
    let is_whole = match answer.header("x-amz-checksum-type") {
        Some(kind) => kind == "FULL_OBJECT",
        None => !etag.is_some_and(|etag| etag.contains('-')),
    };
    let checksum = answer
        .header("x-amz-checksum-sha256")
        .filter(|_| is_whole)?;
    FileSha256::from_base64(checksum).ok()
}

/// Source: Amazon S3 API reference, "Object", on `ETag`.
fn has_opaque_etag(answer: &Answer) -> bool {
    let by_service = answer.header("x-amz-server-side-encryption");
    let by_service = by_service.is_some_and(|it| it.starts_with("aws:kms"));
    let header = "x-amz-server-side-encryption-customer-algorithm";
    by_service || answer.header(header).is_some()
}

pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    use super::object_info;
    use crate::objects::s3::answer::Answer;
    use crate::objects::{Error, ObjectInfo};

    const CHECKSUM: &str = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";

    fn info(headers: &[(&'static str, &'static str)]) -> Result<ObjectInfo, Error> {
        let named = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        object_info(&Answer {
            status: StatusCode::OK,
            headers: headers.iter().map(named).collect::<HeaderMap>(),
            body: String::new(),
        })
    }

    #[test]
    fn everything_that_an_answer_says_is_kept() {
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
    fn a_checksum_of_parts_is_none_of_the_file() {
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
