//! The object that says whose files a bucket, or a prefix in it, holds.

use http::{Method, StatusCode};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::S3;
use super::client::Call;
use crate::domain::FileSha256;
use crate::objects::{Error, owner};

const RIGHTS: &str = "s3:GetObject and s3:PutObject on '.event-history/owner' below the prefix";

impl S3 {
    pub(super) async fn ask_owner(&self) -> Result<Option<Uuid>, Error> {
        let signed = self
            .sign(|credentials, now, life| self.signer.get_owner(credentials, now, life))
            .await?;
        let call = Call::new("owner", Method::GET, &signed);
        let answer = self.client.call(call).await?;
        match (answer.status, answer.code()) {
            (StatusCode::OK, _) => owner::parse(answer.body.as_bytes()).map(Some),
            (StatusCode::NOT_FOUND, Some("NoSuchKey")) => Ok(None),
            _ => Err(answer.refusal(RIGHTS)),
        }
    }

    pub(super) async fn put_owner(&self, database: Uuid) -> Result<(), Error> {
        let content = owner::content(database);
        let sha256 = FileSha256::new(Sha256::digest(&content).into());
        let signed = self
            .sign(|credentials, now, life| self.signer.put_owner(sha256, credentials, now, life))
            .await?;
        let call = Call::new("owner", Method::PUT, &signed).body(content);
        let answer = self.client.call(call).await?;
        match answer.status {
            // The last two: somebody has said it a moment ago.
            StatusCode::OK | StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => Ok(()),
            _ => Err(answer.refusal(RIGHTS)),
        }
    }
}
