//! What a bucket keeps of objects that are overwritten or removed, as far as the credentials may see.

use http::{Method, StatusCode};

use super::S3;
use super::answer::element;
use super::client::Call;
use crate::domain::Finding;
use crate::objects::Error;

impl S3 {
    /// Tells whether the bucket has Object Lock, without which nothing can be retained.
    pub async fn has_object_lock(&self) -> Result<bool, Error> {
        let lock = self.ask_configuration("object-lock").await?;
        Ok(lock.is_some_and(|body| element(&body, "ObjectLockEnabled") == Some("Enabled")))
    }

    async fn keeps_versions(&self) -> Result<bool, Error> {
        let versioning = self.ask_configuration("versioning").await?;
        Ok(versioning.is_some_and(|body| element(&body, "Status") == Some("Enabled")))
    }

    /// Asks for a part of the bucket's configuration; `None` if it has none.
    async fn ask_configuration(&self, name: &'static str) -> Result<Option<String>, Error> {
        let signed = self
            .sign(|credentials, now, life| self.signer.configuration(name, credentials, now, life))
            .await?;
        let call = Call::new("check", Method::GET, &signed);
        let answer = self.client.call(call).await?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer.body)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(answer.refusal("the right to see how the bucket is configured")),
        }
    }
}

/// Says what the bucket keeps; nothing where it cannot be seen and nothing depends on it.
pub(super) async fn judge(s3: &S3, wants_lock: bool) -> Option<Finding> {
    if wants_lock {
        let remedy = "make a bucket with Object Lock, or do not set --object-lock";
        match s3.has_object_lock().await {
            Ok(true) => {}
            Ok(false) => {
                let message = "files are to be retained, and the bucket has no Object Lock";
                return Some(Finding::wrong("versions", message, remedy));
            }
            Err(error) => {
                let message = format!("whether the bucket has Object Lock cannot be seen: {error}");
                let remedy = "grant s3:GetBucketObjectLockConfiguration";
                return Some(Finding::warning("versions", message, remedy));
            }
        }
    }
    let message = match (s3.keeps_versions().await.ok()?, s3.has_object_lock().await) {
        (false, _) => "the bucket keeps no versions of objects",
        (true, Ok(true)) => "the bucket keeps versions of objects, and has Object Lock",
        (true, Ok(false)) => "the bucket keeps versions of objects, and has no Object Lock",
        (true, Err(_)) => "the bucket keeps versions of objects",
    };
    Some(Finding::good("versions", message))
}
