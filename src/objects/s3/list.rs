//! Listing of stored objects.

use http::{Method, StatusCode};
use rusty_s3::actions::{ListObjectsV2, ListObjectsV2Response};

use super::S3;
use super::client::Call;
use super::response::{no_bucket, unavailable};
use crate::domain::DatabaseName;
use crate::objects::{Error, ListedObject, Listing, ObjectInfo};

impl S3 {
    pub(super) async fn list_objects(
        &self,
        tenant: Option<&DatabaseName>,
        after: Option<&str>,
    ) -> Result<Listing, Error> {
        let call = Call::new("list", Method::GET).page();
        let response = self
            .send(call, |signing| self.signer.list(tenant, after, signing))
            .await?;
        match response.status {
            StatusCode::OK => ListObjectsV2::parse_response(&response.xml())
                .map(|page| self.listing(page))
                .map_err(|error| unavailable(format!("its list of keys is invalid: {error}"))),
            StatusCode::NOT_FOUND => Err(no_bucket()),
            _ => Err(response.error("s3:ListBucket on the bucket")),
        }
    }

    fn listing(&self, page: ListObjectsV2Response) -> Listing {
        let mut listing = Listing {
            next: page.next_continuation_token,
            ..Listing::default()
        };
        for content in page.contents {
            let key = self.signer.parse_key(&content.key);
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
