//! What every storage has to do, as plain functions that take an open one and panic where it does
//! something else. [`all`] runs them in turn, and so do those of the modules; each works on an object
//! of its own.

pub(crate) mod copies;
pub(crate) mod forms;
pub(crate) mod parts;
pub(crate) mod terms;
pub(crate) mod versions;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use event_history::domain::{
    DatabaseName, Entropy, FileId, FileSha256, ObjectKey, SystemEntropy, UploadConstraints,
};
use event_history::objects::{self, DownloadOptions, ListedObject, Objects, PresignedUrl};
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::Url;

/// Long enough for any test, short of what is tested with expiry.
const LIFE: Duration = Duration::from_mins(5);

/// How often an expired URL is tried before it counts as accepted for good, and the pause between.
const EXPIRY_TRIES: u32 = 100;
const EXPIRY_PAUSE: Duration = Duration::from_millis(100);

/// What goes up has to come down whole: several reads of any reasonable buffer, and no text.
const FILE_BYTES: usize = 1_000_003;

/// Runs the whole suite.
pub(crate) async fn all(objects: Arc<dyn Objects>, http: reqwest::Client) {
    ping_succeeds(&objects).await;
    what_goes_up_comes_down(&objects, &http).await;
    an_empty_file_is_a_file(&objects, &http).await;
    head_tells_size_and_etag(&objects, &http).await;
    head_of_nothing_is_none(&objects).await;
    every_object_is_listed_once(&objects, &http, 20).await;
    another_method_is_refused(&objects, &http).await;
    a_changed_url_is_refused(&objects, &http).await;
    an_unsigned_request_is_refused(&objects, &http).await;
    an_expired_url_is_refused(&objects, &http).await;
    a_promise_is_kept_and_not_longer(&objects).await;
}

pub(crate) async fn ping_succeeds(objects: &Arc<dyn Objects>) {
    objects.ping().await.expect("ping");
}

pub(crate) async fn what_goes_up_comes_down(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let key = fresh_key();
    let content = content(FILE_BYTES);
    upload(objects, http, &key, content.clone()).await;
    assert_eq!(download(objects, http, &key).await, content);

    let other = Bytes::from_static(b"another version");
    upload(objects, http, &key, other.clone()).await;
    assert_eq!(download(objects, http, &key).await, other);
}

pub(crate) async fn an_empty_file_is_a_file(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let key = fresh_key();
    upload(objects, http, &key, Bytes::new()).await;
    assert_eq!(download(objects, http, &key).await, Bytes::new());
    let info = objects.head(&key, None).await.expect("head");
    assert_eq!(info.expect("the object is there").size_bytes, 0);
}

pub(crate) async fn head_tells_size_and_etag(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let key = fresh_key();
    upload(objects, http, &key, content(FILE_BYTES)).await;
    let info = objects.head(&key, None).await.expect("head");
    let info = info.expect("the object is there");
    assert_eq!(info.size_bytes, FILE_BYTES as u64);
    let etag = info.etag.expect("an entity tag");
    assert!(!etag.is_empty() && !etag.contains('"'), "{etag}");

    upload(objects, http, &key, content(FILE_BYTES - 1)).await;
    let info = objects.head(&key, None).await.expect("head");
    let info = info.expect("the object is there");
    assert_eq!(info.size_bytes, FILE_BYTES as u64 - 1);
    assert_ne!(info.etag, Some(etag), "other bytes, the same entity tag");
}

pub(crate) async fn head_of_nothing_is_none(objects: &Arc<dyn Objects>) {
    assert_eq!(objects.head(&fresh_key(), None).await.expect("head"), None);
}

/// Two tenants have `count` objects each, and the names of the tenants begin alike.
pub(crate) async fn every_object_is_listed_once(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
    count: usize,
) {
    let name = format!("listed-{}", SystemEntropy.uuid_v4());
    let names = [name.clone(), format!("{name}-2")];
    let tenants = names.map(|name| DatabaseName::parse(&name).expect("a name"));
    let mut keys: Vec<ObjectKey> = Vec::new();
    for index in 0..2 * count {
        keys.push(ObjectKey {
            database_name: tenants[index % 2].clone(),
            ..fresh_key()
        });
    }
    stream::iter(&keys)
        .for_each_concurrent(8, async |key| upload(objects, http, key, content(3)).await)
        .await;
    for tenant in &tenants {
        let listed = list(objects, Some(tenant)).await;
        let ours = keys.iter().filter(|key| key.database_name == *tenant);
        let expected: BTreeSet<String> = ours.map(ToString::to_string).collect();
        let (found, made) = (listed.len(), expected.len());
        assert!(listed == expected, "{found} listed of {made}");
    }
    let all = list(objects, None).await;
    assert!(keys.iter().all(|key| all.contains(&key.to_string())));
}

/// Walks the pages, and returns the keys.
async fn list(objects: &Arc<dyn Objects>, tenant: Option<&DatabaseName>) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut after = None;
    loop {
        let page = objects.list(tenant, after.as_deref()).await.expect("list");
        assert!(page.damaged.is_empty(), "{:?}", page.damaged);
        for ListedObject { key, info } in page.objects {
            if tenant.is_some() {
                assert_eq!(info.size_bytes, 3, "{key}");
                let head = objects.head(&key, None).await.expect("head");
                let head = head.expect("what is listed is there");
                assert_eq!((head.size_bytes, &head.etag), (3, &info.etag), "{key}");
                let second = |at: Option<Timestamp>| at.map(Timestamp::as_second);
                assert_eq!(second(head.modified_at), second(info.modified_at), "{key}");
            }
            assert!(keys.insert(key.to_string()), "{key} is listed twice");
        }
        if page.next.is_none() {
            return keys;
        }
        assert_ne!(page.next, after, "the mark moves on");
        after = page.next;
    }
}

pub(crate) async fn another_method_is_refused(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let key = fresh_key();
    let content = content(100);
    upload(objects, http, &key, content.clone()).await;
    let put = presign_put(objects, &key).await;
    let get = presign_get(objects, &key).await;
    for method in [Method::GET, Method::DELETE, Method::POST] {
        refuses(http, method, &put, "the URL of a PUT").await;
    }
    for method in [Method::PUT, Method::DELETE, Method::POST] {
        refuses(http, method, &get, "the URL of a GET").await;
    }
    assert_eq!(download(objects, http, &key).await, content);
}

pub(crate) async fn a_changed_url_is_refused(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let key = fresh_key();
    let secret = content(100);
    upload(objects, http, &key, secret.clone()).await;
    let other = fresh_key();
    let get = presign_get(objects, &key).await;
    let put = presign_put(objects, &key).await;

    for (method, url) in [(Method::GET, &get), (Method::PUT, &put)] {
        let elsewhere = url.replace(&key.to_string(), &other.to_string());
        assert_ne!(&elsewhere, url);
        refuses(http, method.clone(), &elsewhere, "another key").await;
        for name in [
            "X-Amz-Signature",
            "X-Amz-Expires",
            "X-Amz-Date",
            "X-Amz-Credential",
        ] {
            let changed = with_last_character_changed(url, name);
            refuses(http, method.clone(), &changed, name).await;
        }
        let added = format!("{url}&x-id=PutObject");
        refuses(http, method.clone(), &added, "a parameter more").await;
    }
    assert_eq!(download(objects, http, &key).await, secret);
    assert_eq!(objects.head(&other, None).await.expect("head"), None);
}

pub(crate) async fn an_unsigned_request_is_refused(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
) {
    let key = fresh_key();
    let secret = content(100);
    upload(objects, http, &key, secret.clone()).await;
    let get = presign_get(objects, &key).await;
    let (bare, _) = get.split_once('?').expect("a presigned URL has a query");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        refuses(http, method, bare, "no signature").await;
    }
    assert_eq!(download(objects, http, &key).await, secret);
}

pub(crate) async fn an_expired_url_is_refused(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let key = fresh_key();
    upload(objects, http, &key, content(100)).await;
    let life = Duration::from_secs(1);
    let get = objects
        .presign_get(&key, &DownloadOptions::default(), life)
        .await
        .expect("presign");
    for _ in 0..EXPIRY_TRIES {
        let response = http.get(&get.url).send().await.expect("an answer");
        if response.status() != StatusCode::OK {
            assert!(response.status().is_client_error(), "{}", response.status());
            return;
        }
        tokio::time::sleep(EXPIRY_PAUSE).await;
    }
    panic!("a URL that lives for a second is accepted after ten");
}

/// The end that is told is the end that the URL states, and neither is later than asked for.
pub(crate) async fn a_promise_is_kept_and_not_longer(objects: &Arc<dyn Objects>) {
    let presigned = objects
        .presign_put(
            &fresh_key(),
            &UploadConstraints::default(),
            Duration::from_hours(10_000),
        )
        .await
        .expect("presign");
    let PresignedUrl {
        url,
        headers,
        expires_at,
    } = presigned;
    assert_eq!(headers, []);
    let begin = jiff::fmt::strtime::parse(
        "%Y%m%dT%H%M%S%z",
        parameter(&url, "X-Amz-Date").replace('Z', "+0000"),
    )
    .and_then(|parsed| parsed.to_timestamp())
    .expect("X-Amz-Date is an instant");
    let life = parameter(&url, "X-Amz-Expires").parse().expect("seconds");
    let life = Duration::from_secs(life);
    assert!(life <= objects::MAX_URL_LIFE, "{life:?}");
    assert_eq!(begin.checked_add(life).expect("an instant"), expires_at);
}

/// Returns a key that no other test uses.
pub(crate) fn fresh_key() -> ObjectKey {
    ObjectKey {
        database_name: DatabaseName::parse("conformance").expect("a valid name"),
        file_id: FileId::random(&SystemEntropy),
    }
}

pub(crate) async fn upload(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
    key: &ObjectKey,
    content: Bytes,
) {
    let url = presign_put(objects, key).await;
    // By itself the client states no length for an empty body, which S3 refuses with 411.
    let request = http.put(url).header(CONTENT_LENGTH, content.len());
    let response = request.body(content).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "PUT");
}

pub(crate) async fn download(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
    key: &ObjectKey,
) -> Bytes {
    let url = presign_get(objects, key).await;
    let response = http.get(url).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "GET");
    response.bytes().await.expect("the whole body")
}

async fn presign_put(objects: &Arc<dyn Objects>, key: &ObjectKey) -> String {
    objects
        .presign_put(key, &UploadConstraints::default(), LIFE)
        .await
        .expect("presign")
        .url
}

async fn presign_get(objects: &Arc<dyn Objects>, key: &ObjectKey) -> String {
    objects
        .presign_get(key, &DownloadOptions::default(), LIFE)
        .await
        .expect("presign")
        .url
}

/// Asserts that storage refused what came, and has nothing of it.
async fn left_nothing(objects: &Arc<dyn Objects>, key: &ObjectKey, status: StatusCode, what: &str) {
    assert!(status.is_client_error(), "{what}: {status}");
    let head = objects.head(key, None).await.expect("head");
    assert_eq!(head, None, "{what}");
}

/// Returns what has to be sent with the URL, with the length of what is sent.
fn headers(presigned: &PresignedUrl, length: usize) -> HeaderMap {
    let named = |(name, value): &(String, String)| {
        (
            HeaderName::try_from(name).expect("a name"),
            HeaderValue::try_from(value).expect("a value"),
        )
    };
    let mut headers: HeaderMap = presigned.headers.iter().map(named).collect();
    headers.insert(CONTENT_LENGTH, length.into());
    headers
}

fn sha256(content: &[u8]) -> FileSha256 {
    FileSha256::new(Sha256::digest(content).into())
}

async fn refuses(http: &reqwest::Client, method: Method, url: &str, what: &str) {
    let mut request = http.request(method.clone(), url);
    if [Method::PUT, Method::POST].contains(&method) {
        request = request.body("an intruder's");
    }
    let status = request.send().await.expect("an answer").status();
    assert!(status.is_client_error(), "{method} with {what}: {status}");
    assert_ne!(status, StatusCode::NOT_FOUND, "{method} with {what}");
}

/// Returns bytes of every value, the same each time.
fn content(size_bytes: usize) -> Bytes {
    let byte = |i: usize| u8::try_from((i * i / 7 + i) % 256).unwrap_or_default();
    (0..size_bytes).map(byte).collect()
}

fn parameter(url: &str, name: &str) -> String {
    let url = Url::parse(url).expect("a URL");
    let mut pairs = url.query_pairs();
    let (_, value) = pairs
        .find(|(found, _)| found == name)
        .unwrap_or_else(|| panic!("no {name}"));
    value.into_owned()
}

fn with_last_character_changed(url: &str, name: &str) -> String {
    let value = parameter(url, name);
    let mut url = Url::parse(url).expect("a URL");
    let mut other = value.clone();
    let last = other.pop();
    // `X-Amz-Date` ends in `Z`: there it is the second that changes.
    let (last, tail) = match last {
        Some('Z') => (other.pop(), "Z"),
        last => (last, ""),
    };
    other.push(if last == Some('1') { '2' } else { '1' });
    other.push_str(tail);
    let pairs: Vec<_> = url
        .query_pairs()
        .into_owned()
        .map(|(found, value)| {
            if found == name {
                (found, other.clone())
            } else {
                (found, value)
            }
        })
        .collect();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    assert_ne!(parameter(url.as_str(), name), value);
    url.into()
}
