//! Checks of a bucket's versioning and Object Lock, as far as the credentials permit.

use http::{Method, StatusCode};

use super::endpoint_option;
use crate::domain::Finding;
use crate::domain::cause::chain;
use crate::objects::s3::S3;
use crate::objects::s3::client::Call;
use crate::objects::s3::response::xml_text;
use crate::objects::{Error, Requirements};

impl S3 {
    /// Tells whether the bucket has Object Lock, which retention requires.
    pub async fn has_object_lock(&self) -> Result<bool, Error> {
        let lock = self.get_configuration("object-lock").await?;
        Ok(lock.is_some_and(|body| xml_text(&body, "ObjectLockEnabled") == Some("Enabled")))
    }

    async fn keeps_versions(&self) -> Result<bool, Error> {
        let versioning = self.get_configuration("versioning").await?;
        Ok(versioning.is_some_and(|body| xml_text(&body, "Status") == Some("Enabled")))
    }

    /// Returns a part of the bucket's configuration; `None` if it is not configured.
    async fn get_configuration(&self, name: &'static str) -> Result<Option<String>, Error> {
        let call = Call::new("check", Method::GET);
        let response = self
            .send(call, |signing| self.signer.configuration(name, signing))
            .await?;
        match response.status {
            StatusCode::OK => Ok(Some(response.body)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(response.error("the right to see how the bucket is configured")),
        }
    }
}

/// Nothing else needs the permission to see the configuration, so a lack of it is not an error.
pub(super) async fn check(s3: &S3, requirements: &Requirements) -> Finding {
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

/// Without versions, a file is lost when its uploader sends another one.
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
    use crate::objects::s3::response::unavailable;

    #[test]
    fn a_lack_of_permission_is_a_warning() {
        let finding = unknown(&unavailable("it answered 501 NotImplemented"));
        assert!(
            matches!(finding.state, State::Warning { remedy } if remedy.contains("GetBucketVersioning"))
        );
        assert!(
            finding.message.contains("unknown: ")
                && finding.message.ends_with("501 NotImplemented")
        );
    }
}
