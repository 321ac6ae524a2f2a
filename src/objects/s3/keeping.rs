//! How long objects stay: removing them, and keeping them from being removed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use rusty_s3::actions::DeleteObjectsResponse;
use sha2::{Digest, Sha256};

use super::S3;
use super::answer::{Answer, unavailable};
use super::client::Call;
use crate::domain::{ObjectKey, Retention, RetentionMode};
use crate::objects::Error;

/// What one request may remove. Source: Amazon S3 API reference, "`DeleteObjects`".
const MAX_BATCH: usize = 1000;

/// How much of a foreign server's message is repeated.
const MAX_REASON_CHARS: usize = 200;

impl S3 {
    pub(super) async fn remove(
        &self,
        keys: &[ObjectKey],
    ) -> Result<Vec<(ObjectKey, String)>, Error> {
        let mut kept = Vec::new();
        for batch in keys.chunks(MAX_BATCH) {
            let (signed, body) = self
                .sign(|credentials, now, life| self.signer.delete(batch, credentials, now, life))
                .await?;
            let call = Call::new("delete", Method::POST, &signed).body(body);
            let answer = self.client.call(call.page()).await?;
            if answer.status != StatusCode::OK {
                return Err(answer.refusal("s3:DeleteObject on the objects"));
            }
            let response = DeleteObjectsResponse::parse(&answer.body).map_err(|error| {
                unavailable(format!("its answer to a removal makes no sense: {error}"))
            })?;
            for error in response.errors {
                match self.signer.key_of(&error.key) {
                    _ if error.code == "NoSuchKey" => {}
                    Some(key) => kept.push((key, reason(&error.code, &error.message))),
                    None => {
                        let reason = format!("it speaks of '{}', which nobody named", error.key);
                        return Err(unavailable(reason));
                    }
                }
            }
        }
        Ok(kept)
    }

    pub(super) async fn keep(
        &self,
        key: &ObjectKey,
        version_id: Option<&str>,
        retention: Retention,
    ) -> Result<(), Error> {
        let body = document(retention);
        // S3 takes no retention without a checksum.
        let checksum = STANDARD.encode(Sha256::digest(&body));
        let headers = vec![("x-amz-checksum-sha256".to_owned(), checksum)];
        let signed = self
            .sign(|credentials, now, life| {
                self.signer
                    .retain(key, version_id, headers, credentials, now, life)
            })
            .await?;
        let call = Call::new("retain", Method::PUT, &signed).body(body);
        let answer = self.client.call(call).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(not_kept(&answer))
    }
}

fn document(retention: Retention) -> String {
    let Retention { mode, until } = retention;
    let mode = match mode {
        RetentionMode::Governance => "GOVERNANCE",
        RetentionMode::Compliance => "COMPLIANCE",
    };
    let until = whole_second(until).strftime("%Y-%m-%dT%H:%M:%SZ");
    format!(
        "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>{mode}</Mode>\
         <RetainUntilDate>{until}</RetainUntilDate></Retention>"
    )
}

/// Returns the first whole second that is not earlier: a promise is kept for a moment longer rather
/// than for one less.
fn whole_second(until: Timestamp) -> Timestamp {
    if until.subsec_nanosecond() == 0 {
        return until;
    }
    until
        .checked_add(SignedDuration::from_secs(1))
        .unwrap_or(until)
}

/// Says why a version is not kept as asked for.
/// Source: Amazon S3 API reference, "`PutObjectRetention`" and "List of error codes".
fn not_kept(answer: &Answer) -> Error {
    let why = match answer.code() {
        Some("AccessDenied") => {
            "the version is kept for longer already, or the credentials lack s3:PutObjectRetention"
        }
        Some("InvalidRequest" | "ObjectLockConfigurationNotFoundError") => {
            "the bucket has no Object Lock, or the time is past"
        }
        Some("NoSuchKey" | "NoSuchVersion" | "MethodNotAllowed") => "there is no such version",
        Some("InvalidArgument" | "MalformedXML" | "InvalidRetentionPeriod") => {
            "it does not take this retention"
        }
        Some("NotImplemented") => "it knows no Object Lock",
        _ => return answer.refusal("s3:PutObjectRetention on the objects"),
    };
    Error::Refused(reason(answer.code().unwrap_or_default(), why))
}

fn reason(code: &str, message: &str) -> String {
    format!("{code}: {message}")
        .chars()
        .map(|it| if it.is_control() { ' ' } else { it })
        .take(MAX_REASON_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::document;
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
}
