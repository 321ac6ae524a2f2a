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
use sha2::{Digest, Sha256};
use url::{Position, Url};

use super::form::signing_key;
use crate::domain::ObjectKey;

/// All but the unreserved characters of RFC 3986, section 2.3.
const ENCODED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Signs URLs of objects below one address.
#[derive(Debug, Clone)]
pub(super) struct Presigner {
    /// The URL that every object's key is appended to, and its path alone.
    base: String,
    path: String,
    host: String,
    region: String,
    day_key: Arc<RwLock<Option<DayKey>>>,
}

/// The key of one day and one pair of credentials.
struct DayKey {
    access_key_id: String,
    day: String,
    mac: Hmac<Sha256>,
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
            path: base.path().to_owned(),
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
        let (day, time) = basic(now);
        let query = self.query(&request, credentials, &day, &time, life);
        let mut canonical = String::with_capacity(query.len() + 256);
        self.canonical(&request, &query, &mut canonical);
        let hash = hex::encode(Sha256::digest(&canonical));
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{time}\n{day}/{}/s3/aws4_request\n{hash}",
            self.region
        );
        let signature = hex::encode(self.sign(credentials, &day, to_sign.as_bytes()));
        let ObjectKey {
            database_name,
            file_id,
        } = request.key;
        let base = &self.base;
        format!("{base}{database_name}/{file_id}?{query}&X-Amz-Signature={signature}")
    }

    /// Returns the query without the signature: as it stands in the URL, and as it is signed.
    fn query(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        day: &str,
        time: &str,
        life: Duration,
    ) -> String {
        let mut query = String::with_capacity(1024);
        // Writing to a String cannot fail.
        let _ = write!(
            query,
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}%2F{day}%2F{}%2Fs3%2Faws4_request\
             &X-Amz-Date={time}&X-Amz-Expires={}",
            encoded(credentials.key()),
            encoded(&self.region),
            life.as_secs(),
        );
        if let Some(token) = credentials.token().filter(|token| !token.is_empty()) {
            let _ = write!(query, "&X-Amz-Security-Token={}", encoded(token));
        }
        query.push_str("&X-Amz-SignedHeaders=");
        for (index, (name, _)) in self.signed(request).enumerate() {
            query.push_str(if index == 0 { "" } else { "%3B" });
            query.push_str(name);
        }
        for (name, value) in request.query {
            let _ = write!(query, "&{}={}", encoded(name), encoded(value));
        }
        query
    }

    fn canonical(&self, request: &Request<'_>, query: &str, text: &mut String) {
        let ObjectKey {
            database_name,
            file_id,
        } = request.key;
        let _ = writeln!(
            text,
            "{}\n{}{database_name}/{file_id}\n{query}",
            request.method, self.path
        );
        for (name, value) in self.signed(request) {
            let _ = writeln!(text, "{name}:{value}");
        }
        text.push('\n');
        for (index, (name, _)) in self.signed(request).enumerate() {
            text.push_str(if index == 0 { "" } else { ";" });
            text.push_str(name);
        }
        text.push_str("\nUNSIGNED-PAYLOAD");
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

    fn sign(&self, credentials: &Credentials, day: &str, text: &[u8]) -> [u8; 32] {
        let is_it = |it: &DayKey| it.access_key_id == credentials.key() && it.day == day;
        let held = self.day_key.read().unwrap_or_else(PoisonError::into_inner);
        let mac = held
            .as_ref()
            .filter(|it| is_it(it))
            .map(|it| it.mac.clone());
        drop(held);
        let mut mac = mac.unwrap_or_else(|| self.renew(credentials, day));
        mac.update(text);
        mac.finalize().into_bytes().into()
    }

    fn renew(&self, credentials: &Credentials, day: &str) -> Hmac<Sha256> {
        let key = signing_key(credentials.secret(), day, &self.region);
        // A key of any length is one.
        let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap_or_else(|_| unreachable!());
        let renewed = DayKey {
            access_key_id: credentials.key().to_owned(),
            day: day.to_owned(),
            mac: mac.clone(),
        };
        let mut held = self.day_key.write().unwrap_or_else(PoisonError::into_inner);
        *held = Some(renewed);
        mac
    }
}

/// Returns the day and the second as SigV4 writes them: `20221110` and `20221110T102612Z`.
fn basic(now: Timestamp) -> (String, String) {
    let at = Offset::UTC.to_datetime(now);
    let day = format!("{:04}{:02}{:02}", at.year(), at.month(), at.day());
    let time = format!(
        "{day}T{:02}{:02}{:02}Z",
        at.hour(),
        at.minute(),
        at.second()
    );
    (day, time)
}

fn encoded(text: &str) -> percent_encoding::PercentEncode<'_> {
    utf8_percent_encode(text, &ENCODED)
}
