//! Verifies the policy of a form: its signature, and that it allows the form's fields.
//!
//! Source: Amazon S3 API reference, "Browser-Based Uploads Using POST (AWS Signature Version 4)".

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use s3s::post_policy::{PostPolicy, PostPolicyCondition};
use s3s::{S3Error, S3ErrorCode, S3Result};
use secrecy::ExposeSecret;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::objects::embedded::s3_api::request::s3_errors::{
    error, invalid_credential, with_message,
};
use crate::objects::embedded::s3_api::request::tenant_check::SignedAt;
use crate::objects::{KeyPair, MAX_URL_LIFE};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The fields that no condition has to cover, besides those that start with `x-ignore-`.
const UNCOVERED: [&str; 3] = ["policy", "x-amz-signature", "file"];
/// A signer's clock may be ahead by this much, as with S3.
const MAX_SKEW_S: i64 = 15 * 60;

/// The fields before the file, with names in lower case.
pub(super) type Fields = BTreeMap<String, String>;

/// The key pair that may sign, and where and when it may.
pub(super) struct SigningScope<'a> {
    pub key_pair: &'a KeyPair,
    pub region: &'a str,
    pub bucket: &'a str,
    pub now: Timestamp,
}

/// Returns the sizes in bytes that the file may have, if the policy is signed with our key pair, has not
/// expired, and allows the fields.
pub(super) fn check(fields: &Fields, scope: &SigningScope<'_>) -> S3Result<RangeInclusive<u64>> {
    let policy = fields.get("policy");
    let policy = policy.ok_or_else(|| error(S3ErrorCode::AccessDenied))?;
    check_signature(policy, fields, scope)?;
    let policy = PostPolicy::from_base64(policy).map_err(|problem| {
        let message = format!("Invalid Policy: {problem}");
        with_message(S3ErrorCode::InvalidPolicyDocument, message)
    })?;
    if s3s::dto::Timestamp::from(SystemTime::from(scope.now)) >= policy.expiration {
        return Err(policy_violation("Policy expired."));
    }
    let mut sizes = 0..=u64::MAX;
    for condition in &policy.conditions {
        check_condition(condition, fields, scope.bucket, &mut sizes)?;
    }
    let is_covered = |name: &str| {
        policy.conditions.iter().any(|condition| match condition {
            PostPolicyCondition::Eq { field, .. }
            | PostPolicyCondition::StartsWith { field, .. } => field == name,
            PostPolicyCondition::ContentLengthRange { .. } => false,
        })
    };
    let extra = fields.keys().find(|name| {
        !UNCOVERED.contains(&name.as_str()) && !name.starts_with("x-ignore-") && !is_covered(name)
    });
    match extra {
        None => Ok(sizes),
        Some(name) => Err(policy_violation(&format!("Extra input fields: {name}"))),
    }
}

fn check_condition(
    condition: &PostPolicyCondition,
    fields: &Fields,
    bucket: &str,
    sizes: &mut RangeInclusive<u64>,
) -> S3Result<()> {
    // The URL decides the bucket, whatever a field says.
    let value = |field: &str| match field {
        "bucket" => Some(bucket),
        field => fields.get(field).map(String::as_str),
    };
    let (field, holds) = match condition {
        PostPolicyCondition::Eq { field, value: text } => {
            (field, value(field) == Some(text.as_str()))
        }
        PostPolicyCondition::StartsWith { field, prefix } => {
            let starts = value(field).is_some_and(|value| value.starts_with(prefix.as_str()));
            (field, starts)
        }
        PostPolicyCondition::ContentLengthRange { min, max } => {
            *sizes = *min.max(sizes.start())..=*max.min(sizes.end());
            return Ok(());
        }
    };
    if holds {
        return Ok(());
    }
    let message = format!("Policy Condition failed: the field '{field}'");
    Err(policy_violation(&message))
}

fn check_signature(policy: &str, fields: &Fields, scope: &SigningScope<'_>) -> S3Result<()> {
    let field = |name: &str| {
        fields.get(name).map(String::as_str).ok_or_else(|| {
            let message = format!("Bucket POST must contain a field named '{name}'.");
            with_message(S3ErrorCode::InvalidArgument, message)
        })
    };
    if field("x-amz-algorithm")? != ALGORITHM {
        let message = "x-amz-algorithm only supports \"AWS4-HMAC-SHA256\"";
        return Err(with_message(S3ErrorCode::InvalidArgument, message));
    }
    let date = field("x-amz-date")?;
    let SignedAt(Some(signed_at)) = SignedAt::parse(Some(date)) else {
        let message = "x-amz-date must be in the format \"yyyyMMddTHHmmssZ\"";
        return Err(with_message(S3ErrorCode::InvalidArgument, message));
    };
    let age_s = scope.now.as_second().saturating_sub(signed_at.as_second());
    let max_age_s = i64::try_from(MAX_URL_LIFE.as_secs()).unwrap_or(i64::MAX);
    if !(-MAX_SKEW_S..=max_age_s).contains(&age_s) {
        return Err(policy_violation("Policy expired."));
    }
    let credential: Vec<&str> = field("x-amz-credential")?.split('/').collect();
    let [key_id, day, region, "s3", "aws4_request"] = credential[..] else {
        return Err(invalid_credential(S3ErrorCode::InvalidArgument));
    };
    if region != scope.region || !date.starts_with(day) || day.len() != "yyyyMMdd".len() {
        let message = format!(
            "The credential is not of the day of x-amz-date, or not of region '{}'.",
            scope.region
        );
        return Err(with_message(S3ErrorCode::InvalidArgument, message));
    }
    let KeyPair {
        access_key_id,
        secret_access_key,
    } = scope.key_pair;
    if !bool::from(key_id.as_bytes().ct_eq(access_key_id.as_bytes())) {
        return Err(error(S3ErrorCode::InvalidAccessKeyId));
    }
    let start = format!("AWS4{}", secret_access_key.expose_secret());
    let key = [day, region, "s3", "aws4_request"]
        .iter()
        .fold(start.into_bytes(), |key, part| hmac(&key, part));
    let signature = hex::encode(hmac(&key, policy));
    let claimed = field("x-amz-signature")?;
    if bool::from(signature.as_bytes().ct_eq(claimed.as_bytes())) {
        return Ok(());
    }
    Err(error(S3ErrorCode::SignatureDoesNotMatch))
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    // HMAC accepts a key of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!());
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn policy_violation(reason: &str) -> S3Error {
    let message = format!("Invalid according to Policy: {reason}");
    with_message(S3ErrorCode::AccessDenied, message)
}
