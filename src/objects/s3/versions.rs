//! What a bucket keeps of objects that are overwritten or removed, as far as the credentials may see.

use http::{Method, StatusCode};

use super::S3;
use super::answer::element;
use super::check::endpoint_option;
use super::client::Call;
use crate::domain::Finding;
use crate::domain::cause::chain;
use crate::objects::{Error, Requirements};

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

/// Says what the bucket keeps. To see it is a right that nothing else needs, so not to is no fault.
pub(super) async fn judge(s3: &S3, requirements: &Requirements) -> Finding {
    if requirements.object_lock {
        let remedy = "make a bucket with Object Lock, or do not set --object-lock";
        match s3.has_object_lock().await {
            Ok(true) => {}
            Ok(false) => {
                let message = "files are to be retained, and the bucket has no Object Lock";
                return Finding::wrong("versions", message, remedy);
            }
            Err(error) => {
                let message = format!("whether the bucket has Object Lock cannot be seen: {error}");
                let remedy = "grant s3:GetBucketObjectLockConfiguration";
                return Finding::warning("versions", message, remedy);
            }
        }
    }
    let keeps_versions = match s3.keeps_versions().await {
        Ok(keeps_versions) => keeps_versions,
        Err(error) => return unknown(&error),
    };
    if !keeps_versions {
        return no_versions(s3, requirements.upload_once);
    }
    let message = match s3.has_object_lock().await {
        Ok(true) => "the bucket keeps versions of objects, and has Object Lock",
        Ok(false) => "the bucket keeps versions of objects, and has no Object Lock",
        Err(_) => "the bucket keeps versions of objects",
    };
    Finding::good("versions", message)
}

fn unknown(error: &Error) -> Finding {
    Finding::warning(
        "versions",
        format!(
            "whether the bucket keeps versions of objects is unknown: {}",
            chain(error)
        ),
        "grant s3:GetBucketVersioning, and see that the bucket keeps versions",
    )
}

/// What has no versions is lost when its uploader sends something else.
fn no_versions(s3: &S3, upload_once: bool) -> Finding {
    let bucket = s3.signer.bucket().name();
    let endpoint = endpoint_option(s3);
    let enable = format!(
        "aws s3api put-bucket-versioning --bucket {bucket}{endpoint} --versioning-configuration \
         Status=Enabled"
    );
    let (by, remedy) = if upload_once {
        ("the form", enable)
    } else {
        (
            "the URL or form",
            format!("{enable}; or set --upload-once true, which binds URLs alone"),
        )
    };
    let message = format!(
        "the bucket keeps no versions of objects: {by} that a file came by can overwrite it, also once \
         an event references it"
    );
    Finding::warning("versions", message, remedy)
}

#[cfg(test)]
mod tests {
    use super::unknown;
    use crate::domain::finding::State;
    use crate::objects::s3::answer::unavailable;

    #[test]
    fn what_cannot_be_seen_is_unknown_and_no_fault() {
        let finding = unknown(&unavailable("it answered 501 NotImplemented".to_owned()));
        assert!(
            matches!(finding.state, State::Warning { remedy } if remedy.contains("GetBucketVersioning"))
        );
        assert!(
            finding.message.contains("unknown: ")
                && finding.message.ends_with("501 NotImplemented")
        );
    }
}
