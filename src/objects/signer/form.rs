//! Forms that browsers POST: a signed policy constrains every field.
//! Source: Amazon S3 API reference, "Browser-Based Uploads Using POST (AWS Signature Version 4)".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::{FILE_NAME_HEADER, SHA256_HEADER, Signer, Signing};
use crate::domain::ObjectKey;
use crate::objects::{FormConstraints, FormContentType, PresignedForm};

/// The status of an accepted form, without a body: a page need not parse XML.
const SUCCESS_STATUS: &str = "204";

impl Signer {
    /// Signs a form that POSTs an object.
    ///
    /// If the constraints state a prefix of the content type, the sender adds the field `Content-Type`. The only other
    /// field that may be added is `file`, the last one.
    pub fn post_form(
        &self,
        key: &ObjectKey,
        constraints: &FormConstraints,
        signing: Signing<'_>,
    ) -> PresignedForm {
        let FormConstraints {
            min_bytes,
            max_bytes,
            content_type,
            sha256,
            file_name,
        } = constraints;
        let Signing {
            credentials, now, ..
        } = signing;
        let expires_at = signing.expires_at();
        let day = now.strftime("%Y%m%d").to_string();
        let region = self.bucket.region();
        let mut fields = vec![("key", self.full_key(key))];
        let mut conditions = vec![
            json!({"bucket": self.bucket.name()}),
            json!(["content-length-range", min_bytes, max_bytes]),
        ];
        match content_type {
            Some(FormContentType::Exactly(it)) => fields.push(("Content-Type", it.to_string())),
            Some(FormContentType::StartsWith(prefix)) => {
                conditions.push(json!(["starts-with", "$Content-Type", prefix]));
            }
            None => {}
        }
        if let Some(sha256) = sha256 {
            fields.push(("x-amz-checksum-algorithm", "SHA256".to_owned()));
            fields.push(("x-amz-checksum-sha256", sha256.to_base64()));
            fields.push((SHA256_HEADER, sha256.to_string()));
        }
        if let Some(file_name) = file_name {
            fields.push((FILE_NAME_HEADER, file_name.to_header()));
        }
        fields.extend([
            ("success_action_status", SUCCESS_STATUS.to_owned()),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256".to_owned()),
            (
                "x-amz-credential",
                format!("{}/{day}/{region}/s3/aws4_request", credentials.key()),
            ),
            ("x-amz-date", now.strftime("%Y%m%dT%H%M%SZ").to_string()),
        ]);
        let token = credentials.token().filter(|token| !token.is_empty());
        fields.extend(token.map(|token| ("x-amz-security-token", token.to_owned())));

        // The policy fixes the value of each field, and rejects other fields.
        conditions.extend(fields.iter().map(|(name, value)| json!({*name: value})));
        let policy = json!({"expiration": expires_at.to_string(), "conditions": conditions});
        let policy = STANDARD.encode(policy.to_string());
        let signing_key = signing_key(credentials.secret(), &day, region);
        let signature = hex::encode(hmac(&signing_key, &policy));
        fields.push(("policy", policy));
        fields.push(("x-amz-signature", signature));

        let named = |(name, value): (&str, String)| (name.to_owned(), value);
        PresignedForm {
            url: self
                .bucket
                .base_url()
                .as_str()
                .trim_end_matches('/')
                .to_owned(),
            fields: fields.into_iter().map(named).collect(),
            expires_at,
        }
    }
}

/// Returns the key that signs for one day, region and service.
/// Source: AWS Signature Version 4, "Calculate the signature".
pub(super) fn signing_key(secret: &str, day: &str, region: &str) -> [u8; 32] {
    let key = hmac(format!("AWS4{secret}").as_bytes(), day);
    let key = hmac(&key, region);
    let key = hmac(&key, "s3");
    hmac(&key, "aws4_request")
}

fn hmac(key: &[u8], message: &str) -> [u8; 32] {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!());
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().into()
}
