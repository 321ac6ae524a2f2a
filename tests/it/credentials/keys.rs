//! Credentials, and URLs that show which of them signed.

use std::collections::HashMap;

use event_history::domain::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};
use rusty_s3::actions::S3Action;
use serde_json::json;
use url::Url;

use super::stand_in::{ROLE_ARN, StandIn};
use crate::support::Storage;

/// Credentials as a source hands them out; each generation has others.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
}

impl Keys {
    pub(super) fn new(generation: usize, life: Option<SignedDuration>) -> Self {
        // Sources tell whole seconds.
        let now = Timestamp::from_second(SystemClock.now().as_second()).unwrap();
        Self {
            id: format!("AKIAEXAMPLE{generation:05}"),
            secret: format!("secret+of/generation{generation:05}EXAMPLE"),
            token: life.map(|_| format!("token+of/generation{generation:05}==")),
            expires_at: life.map(|life| now + life),
        }
    }

    pub(super) fn profile_lines(&self) -> String {
        let Self {
            id,
            secret,
            token,
            expires_at: _,
        } = self;
        let keys = format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}");
        match token {
            Some(token) => format!("{keys}\naws_session_token = {token}"),
            None => keys,
        }
    }

    pub(super) fn process_json(&self) -> String {
        let Self {
            id,
            secret,
            token,
            expires_at,
        } = self;
        json!({"Version": 1, "AccessKeyId": id, "SecretAccessKey": secret, "SessionToken": token,
               "Expiration": expires_at.unwrap().to_string()})
        .to_string()
    }

    /// The JSON of ECS and IMDSv2.
    pub(super) fn json(&self) -> String {
        let Self {
            id,
            secret,
            token,
            expires_at,
        } = self;
        json!({"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
               "AccessKeyId": id, "SecretAccessKey": secret, "Token": token,
               "Expiration": expires_at.unwrap().to_string()})
        .to_string()
    }

    /// The XML of STS.
    pub(super) fn xml(&self) -> String {
        let Self {
            id,
            secret,
            token,
            expires_at,
        } = self;
        let (token, end) = (token.as_ref().unwrap(), expires_at.unwrap());
        format!(
            "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <AssumeRoleWithWebIdentityResult><AssumedRoleUser><Arn>{ROLE_ARN}/s</Arn>\
             <AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser><Credentials>\
             <AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
             <SessionToken>{token}</SessionToken><Expiration>{end}</Expiration></Credentials>\
             </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        )
    }
}

/// A presigned URL, read.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) url: Url,
    pub(super) parameters: HashMap<String, String>,
    pub(super) begin: Timestamp,
    pub(super) end: Timestamp,
}

impl Signed {
    pub(super) fn read(url: &str) -> Self {
        let url = Url::parse(url).unwrap();
        let parameters: HashMap<_, _> = url.query_pairs().into_owned().collect();
        let date = parameters["X-Amz-Date"].replace('Z', "+0000");
        let begin = Timestamp::strptime("%Y%m%dT%H%M%S%z", date).unwrap();
        let life: i64 = parameters["X-Amz-Expires"].parse().unwrap();
        let end = begin + SignedDuration::from_secs(life);
        Self {
            url,
            parameters,
            begin,
            end,
        }
    }

    pub(super) fn key_id(&self) -> &str {
        let credential = &self.parameters["X-Amz-Credential"];
        credential.split('/').next().unwrap()
    }

    pub(super) fn assert_signed_with(&self, keys: &Keys) {
        self.assert_signed_with_in(keys, "eu-west-2");
    }

    /// Holds that the URL is what these keys sign, secret and token included.
    pub(super) fn assert_signed_with_in(&self, keys: &Keys, region: &str) {
        let Keys {
            id,
            secret,
            token,
            expires_at,
        } = keys;
        let credentials = match token {
            Some(token) => rusty_s3::Credentials::new_with_token(id, secret, token),
            None => rusty_s3::Credentials::new(id, secret),
        };
        let storage = Storage {
            endpoint: self.url.origin().ascii_serialization(),
            bucket: "cluster-1-namespace-2".to_owned(),
            region: region.to_owned(),
            access_key_id: id.clone(),
            secret_access_key: secret.clone(),
        };
        let bucket = storage.bucket();
        let key = self
            .url
            .path()
            .strip_prefix("/cluster-1-namespace-2/")
            .unwrap();
        let life = self.begin.duration_until(self.end).unsigned_abs();
        let expected = bucket
            .put_object(Some(&credentials), key)
            .sign_with_time(life, &self.begin);
        assert_eq!(self.url, expected);
        assert!(expires_at.is_none_or(|expires_at| self.end <= expires_at));
    }

    /// Holds that the URL ends with the credentials that signed it, if not before.
    pub(super) fn assert_kept_promise(&self, stand_in: &StandIn) {
        let end = stand_in.state().expiries[self.key_id()];
        assert!(self.end <= end, "{} is after {end}", self.end);
        assert!(self.begin < self.end);
    }
}
