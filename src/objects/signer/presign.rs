//! SigV4 for the two URLs that are handed out all day, with everything computed once that stays the same:
//! the address, and the key that signs for a day. (`rusty-s3`, which signs the rest, derives the key anew
//! for each URL: benchmarks.md has what that costs.)
//! Source: Amazon S3 API reference, "Authenticating requests: using query parameters".

use std::fmt::Write;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use jiff::tz::Offset;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rusty_s3::Credentials;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::{Position, Url};

use super::form::signing_key;
use crate::domain::ObjectKey;

/// All but the unreserved characters of RFC 3986, section 2.3.
const ENCODED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Of a day as SigV4 writes it: `20221110`.
const DAY_LENGTH: usize = 8;

/// What a signed URL is longer than its base, unless it has a session's token or terms.
const USUAL_LENGTH: usize = 512;

/// Signs URLs of objects below one address.
#[derive(Debug, Clone)]
pub(super) struct Presigner {
    /// The URL that every object's key is appended to, and where its path begins.
    base: String,
    path_start: usize,
    host: String,
    region: String,
    day_key: Arc<RwLock<Option<DayKey>>>,
}

/// The key of one day and one pair of credentials.
struct DayKey {
    access_key_id: String,
    /// An access key id may be given another secret.
    secret: SecretString,
    day: String,
    mac: Hmac<Sha256>,
}

impl DayKey {
    fn is_of(&self, credentials: &Credentials, day: &str) -> bool {
        let secret = self.secret.expose_secret().as_bytes();
        self.access_key_id == credentials.key()
            && self.day == day
            && bool::from(secret.ct_eq(credentials.secret().as_bytes()))
    }
}

impl std::fmt::Debug for DayKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DayKey")
            .field("access_key_id", &self.access_key_id)
            .field("day", &self.day)
            .finish_non_exhaustive()
    }
}

/// What is signed beside the key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) key: &'a ObjectKey,
    /// Names and values, sorted by name; the names begin with a lower-case letter.
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Likewise, without `host`. No value has white space at an end, or doubled.
    pub(super) headers: &'a [(String, String)],
}

impl Presigner {
    /// `base` is the URL that keys are appended to.
    pub(super) fn new(base: &Url, region: &str) -> Self {
        let address = &base[Position::BeforeHost..Position::AfterPort];
        Self {
            base: base.as_str().to_owned(),
            path_start: base[..Position::BeforePath].len(),
            host: address.to_owned(),
            region: region.to_owned(),
            day_key: Arc::default(),
        }
    }

    /// Returns the signed URL. `life` is whole seconds.
    pub(super) fn url(
        &self,
        request: Request<'_>,
        credentials: &Credentials,
        now: Timestamp,
        life: Duration,
    ) -> String {
        let time = basic(now);
        let day = &time[..DAY_LENGTH];
        let ObjectKey {
            database_name,
            file_id,
        } = request.key;
        let mut url = String::with_capacity(self.base.len() + USUAL_LENGTH);
        // Writing to a String cannot fail.
        let _ = write!(url, "{}{database_name}/{file_id}", self.base);
        let path = self.path_start..url.len();
        url.push('?');
        let query_start = url.len();
        self.write_query(&request, credentials, &time, life, &mut url);
        let hash = self.canonical_hash(&request, &url[path], &url[query_start..]);
        let signature = self.sign(
            credentials,
            day,
            &[
                "AWS4-HMAC-SHA256\n",
                &time,
                "\n",
                day,
                "/",
                &self.region,
                "/s3/aws4_request\n",
                in_hex(&hash, &mut [0; 64]),
            ],
        );
        url.push_str("&X-Amz-Signature=");
        url.push_str(in_hex(&signature, &mut [0; 64]));
        url
    }

    /// Writes the query without the signature: as it stands in the URL, and as it is signed.
    fn write_query(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        time: &str,
        life: Duration,
        query: &mut String,
    ) {
        query.push_str("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
        query.extend(encoded(credentials.key()));
        query.push_str("%2F");
        query.push_str(&time[..DAY_LENGTH]);
        query.push_str("%2F");
        query.extend(encoded(&self.region));
        query.push_str("%2Fs3%2Faws4_request&X-Amz-Date=");
        query.push_str(time);
        let _ = write!(query, "&X-Amz-Expires={}", life.as_secs());
        if let Some(token) = credentials.token().filter(|token| !token.is_empty()) {
            query.push_str("&X-Amz-Security-Token=");
            query.extend(encoded(token));
        }
        query.push_str("&X-Amz-SignedHeaders=");
        for (index, (name, _)) in self.signed(request).enumerate() {
            query.push_str(if index == 0 { "" } else { "%3B" });
            query.push_str(name);
        }
        for (name, value) in request.query {
            query.push('&');
            query.extend(encoded(name));
            query.push('=');
            query.extend(encoded(value));
        }
    }

    /// Returns the SHA-256 of the canonical request.
    fn canonical_hash(&self, request: &Request<'_>, path: &str, query: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        for text in [request.method, "\n", path, "\n", query, "\n"] {
            hash.update(text);
        }
        for (name, value) in self.signed(request) {
            for text in [name, ":", value, "\n"] {
                hash.update(text);
            }
        }
        for (index, (name, _)) in self.signed(request).enumerate() {
            hash.update(if index == 0 { "\n" } else { ";" });
            hash.update(name);
        }
        hash.update("\nUNSIGNED-PAYLOAD");
        hash.finalize().into()
    }

    /// Returns the signed headers in their order, `host` among them.
    fn signed<'a>(&'a self, request: &Request<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
        let headers = request.headers;
        let before = headers.partition_point(|(name, _)| name.as_str() < "host");
        let (before, behind) = headers.split_at(before);
        let pair = |(name, value): &'a (String, String)| (name.as_str(), value.as_str());
        let host = std::iter::once(("host", self.host.as_str()));
        before
            .iter()
            .map(pair)
            .chain(host)
            .chain(behind.iter().map(pair))
    }

    fn sign(&self, credentials: &Credentials, day: &str, text: &[&str]) -> [u8; 32] {
        let held = self.day_key.read().unwrap_or_else(PoisonError::into_inner);
        let mac = held
            .as_ref()
            .filter(|it| it.is_of(credentials, day))
            .map(|it| it.mac.clone());
        drop(held);
        let mut mac = mac.unwrap_or_else(|| self.renew(credentials, day));
        for part in text {
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    fn renew(&self, credentials: &Credentials, day: &str) -> Hmac<Sha256> {
        let key = signing_key(credentials.secret(), day, &self.region);
        // A key of any length is one.
        let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap_or_else(|_| unreachable!());
        let renewed = DayKey {
            access_key_id: credentials.key().to_owned(),
            secret: SecretString::from(credentials.secret()),
            day: day.to_owned(),
            mac: mac.clone(),
        };
        let mut held = self.day_key.write().unwrap_or_else(PoisonError::into_inner);
        *held = Some(renewed);
        mac
    }
}

/// Returns a time as SigV4 writes it: `20221110T102612Z`, the day first.
fn basic(now: Timestamp) -> String {
    let at = Offset::UTC.to_datetime(now);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// Writes a digest without an allocation for each of its digits.
fn in_hex<'a>(digest: &[u8; 32], text: &'a mut [u8; 64]) -> &'a str {
    // Two digits for each byte fit, and all of them are ASCII.
    let _ = hex::encode_to_slice(digest, text);
    std::str::from_utf8(text).unwrap_or_default()
}

fn encoded(text: &str) -> percent_encoding::PercentEncode<'_> {
    utf8_percent_encode(text, &ENCODED)
}
