//! Retention of object versions (S3 Object Lock).

use http::Method;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::S3;
use super::client::Call;
use super::response::{Response, sanitize, xml_text};
use crate::domain::{FileSha256, ObjectKey, Retention, RetentionMode};
use crate::objects::Error;
use crate::objects::signer::Signing;

impl S3 {
    pub(super) async fn put_retention(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        retention: Retention,
    ) -> Result<(), Error> {
        let body = document(retention);
        let sha256 = FileSha256::new(Sha256::digest(&body).into());
        let call = Call::new("retain", Method::PUT).body(body);
        let sign = |signing: Signing<'_>| self.signer.retain(key, version_id, sha256, signing);
        let response = self.send(call, sign).await?;
        if response.status.is_success() {
            return Ok(());
        }
        // Kept for longer already, by an earlier setting or by the bucket's own default?
        if response.error_code() == Some("AccessDenied")
            && let Some(kept) = self.retention(key, version_id).await?
            && kept.covers(retention)
        {
            return Ok(());
        }
        Err(not_retained(&response))
    }

    /// Returns the retention of a version; `None` if it has none, or if the credentials may not read it.
    async fn retention(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
    ) -> Result<Option<Retention>, Error> {
        let call = Call::new("retention", Method::GET);
        let sign = |signing: Signing<'_>| self.signer.retention(key, version_id, signing);
        let response = self.send(call, sign).await?;
        if !response.status.is_success() {
            return Ok(None);
        }
        Ok(parse(&response.body))
    }
}

fn parse(document: &str) -> Option<Retention> {
    let mode = match xml_text(document, "Mode")? {
        "GOVERNANCE" => RetentionMode::Governance,
        "COMPLIANCE" => RetentionMode::Compliance,
        _ => return None,
    };
    let until = xml_text(document, "RetainUntilDate")?.parse().ok()?;
    Some(Retention { mode, until })
}

fn document(retention: Retention) -> String {
    let Retention { mode, until } = retention;
    let mode = match mode {
        RetentionMode::Governance => "GOVERNANCE",
        RetentionMode::Compliance => "COMPLIANCE",
    };
    let until = round_up(until).strftime("%Y-%m-%dT%H:%M:%SZ");
    format!(
        "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>{mode}</Mode>\
         <RetainUntilDate>{until}</RetainUntilDate></Retention>"
    )
}

/// Rounds up to a whole second, so that a retention never ends early.
fn round_up(until: Timestamp) -> Timestamp {
    if until.subsec_nanosecond() == 0 {
        return until;
    }
    until
        .checked_add(SignedDuration::from_secs(1))
        .unwrap_or(until)
}

/// Explains a failure.
/// Source: Amazon S3 API reference, "`PutObjectRetention`" and "List of error codes".
fn not_retained(response: &Response) -> Error {
    let Some(code) = response.error_code() else {
        return response.error("s3:PutObjectRetention on the objects");
    };
    let reason = match code {
        "AccessDenied" => {
            "the version is kept in a stricter mode, or the credentials lack s3:PutObjectRetention, or \
             s3:GetObjectRetention to see that it is kept for longer already"
        }
        "InvalidRequest" | "ObjectLockConfigurationNotFoundError" => {
            "the bucket has no Object Lock, or the time is past"
        }
        "NoSuchKey" | "NoSuchVersion" | "MethodNotAllowed" => "there is no such version",
        "InvalidArgument" | "MalformedXML" | "InvalidRetentionPeriod" => {
            "it does not accept this retention"
        }
        "NotImplemented" => "it does not support Object Lock",
        _ => return response.error("s3:PutObjectRetention on the objects"),
    };
    Error::Refused(sanitize(&format!("{code}: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::{document, parse};
    use crate::domain::{Retention, RetentionMode};

    #[test]
    fn a_retention_never_ends_early() {
        for (until, stated) in [
            ("2036-11-23T10:00:00Z", ">2036-11-23T10:00:00Z<"),
            ("2036-11-23T10:00:00.000001Z", ">2036-11-23T10:00:01Z<"),
        ] {
            let text = document(Retention {
                mode: RetentionMode::Compliance,
                until: until.parse().unwrap(),
            });
            assert!(text.contains(stated), "{text}");
        }
    }

    #[test]
    fn a_retention_is_read_back() {
        let until = "2036-11-23T10:00:00Z".parse().unwrap();
        for mode in [RetentionMode::Compliance, RetentionMode::Governance] {
            let retention = Retention { mode, until };
            assert_eq!(parse(&document(retention)), Some(retention));
        }
        assert_eq!(parse("<Retention/>"), None);
    }

    #[test]
    fn only_what_is_stricter_and_longer_covers() {
        let of = |mode, until: &str| Retention {
            mode,
            until: until.parse().unwrap(),
        };
        let (early, late) = ("2036-11-23T10:00:00Z", "2036-11-24T10:00:00Z");
        let (weak, strict) = (RetentionMode::Governance, RetentionMode::Compliance);
        assert!(of(strict, late).covers(of(weak, early)));
        assert!(of(weak, late).covers(of(weak, late)));
        assert!(!of(weak, late).covers(of(strict, early)));
        assert!(!of(strict, early).covers(of(weak, late)));
    }
}
