//! The object that names the owner of a bucket's files, or of those below a prefix.

use http::{Method, StatusCode};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::S3;
use super::client::Call;
use crate::domain::FileSha256;
use crate::objects::{Error, owner};

const PERMISSIONS: &str =
    "s3:GetObject and s3:PutObject on '.event-history/owner' below the prefix";

impl S3 {
    pub(super) async fn get_owner(&self) -> Result<Option<Uuid>, Error> {
        let call = Call::new("owner", Method::GET);
        let response = self
            .send(call, |signing| self.signer.get_owner(signing))
            .await?;
        match (response.status, response.error_code()) {
            (StatusCode::OK, _) => owner::parse(response.body.as_bytes()).map(Some),
            (StatusCode::NOT_FOUND, Some("NoSuchKey")) => Ok(None),
            _ => Err(response.error(PERMISSIONS)),
        }
    }

    pub(super) async fn put_owner(&self, database: Uuid) -> Result<(), Error> {
        let content = owner::content(database);
        let sha256 = FileSha256::new(Sha256::digest(&content).into());
        let call = Call::new("owner", Method::PUT).body(content);
        let response = self
            .send(call, |signing| self.signer.put_owner(sha256, signing))
            .await?;
        match response.status {
            // The last two: another process has just set it.
            StatusCode::OK | StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => Ok(()),
            _ => Err(response.error(PERMISSIONS)),
        }
    }
}
