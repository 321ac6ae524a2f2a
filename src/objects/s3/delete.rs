//! Deletion of objects.

use http::{Method, StatusCode};
use rusty_s3::actions::DeleteObjectsResponse;

use super::S3;
use super::client::Call;
use super::response::{sanitize, unavailable};
use crate::domain::ObjectKey;
use crate::domain::cause::chain;
use crate::objects::Error;

/// The limit of a request. Source: Amazon S3 API reference, "`DeleteObjects`".
const MAX_BATCH: usize = 1000;

impl S3 {
    /// Returns the objects that the storage keeps, with its reasons.
    pub(super) async fn delete_objects(
        &self,
        keys: &[ObjectKey],
    ) -> Result<Vec<(ObjectKey, String)>, Error> {
        let mut kept = Vec::new();
        for batch in keys.chunks(MAX_BATCH) {
            let (body, md5) = self.signer.delete_body(batch);
            let call = Call::new("delete", Method::POST).body(body).page();
            let response = self
                .send(call, |signing| self.signer.delete(&md5, signing))
                .await?;
            if response.status != StatusCode::OK {
                let error = response.error("s3:DeleteObject on the objects");
                if response.error_code() == Some("AccessDenied") {
                    // Some storages refuse them all at once.
                    let reason = sanitize(&chain(&error));
                    kept.extend(batch.iter().map(|key| (key.clone(), reason.clone())));
                    continue;
                }
                return Err(error);
            }
            let deleted = DeleteObjectsResponse::parse(&response.body).map_err(|error| {
                unavailable(format!("its answer to a deletion is invalid: {error}"))
            })?;
            for error in deleted.errors {
                match self.signer.parse_key(&error.key) {
                    _ if error.code == "NoSuchKey" => {}
                    Some(key) => {
                        kept.push((key, sanitize(&format!("{}: {}", error.code, error.message))));
                    }
                    None => {
                        let reason =
                            format!("its answer names '{}', which was not sent", error.key);
                        return Err(unavailable(reason));
                    }
                }
            }
        }
        Ok(kept)
    }
}
