//! Tests the embedded S3 endpoint over HTTP: stored objects, rejected requests, and recovery.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

mod damage;
mod forms;
mod header_values;
mod integrity;
mod keys;
mod parts;
mod presigned_headers;
mod reading;
mod refusals;
mod refused_uploads;
mod sealed;
mod secrets;
mod signed_headers;
mod terms;
mod unsynced;
mod unverified;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use event_history::domain::{
    DatabaseName, FileId, ObjectKey, SystemClock, SystemEntropy, UploadConstraints,
};
use event_history::objects::embedded::{self, Embedded};
use event_history::objects::{DownloadOptions, KeyPair, Objects, Replace, StorageContext};
use jiff::Timestamp;
use reqwest::{Method, Response, StatusCode};
use rusty_s3::{Bucket, Credentials, UrlStyle};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const BUCKET: &str = "event-history";
const REGION: &str = "eu-west-2";
const ORIGIN: &str = "https://app.example";
const KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "secret-of-this-test-alone";
const MINUTE: Duration = Duration::from_mins(1);

/// A running endpoint on a folder; it stops when this is dropped.
struct Endpoint {
    objects: Embedded,
    url: String,
    folder: PathBuf,
    server: JoinHandle<()>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Endpoint {
    async fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let context = context(&url, true);
        let (objects, endpoint) = embedded::open(folder, BUCKET, REGION, &context)
            .await
            .unwrap();
        let router = endpoint.router();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            objects,
            url,
            folder: folder.to_owned(),
            server,
        }
    }

    async fn put_url(&self, key: &ObjectKey) -> String {
        self.objects
            .presign_put(key, &UploadConstraints::default(), MINUTE)
            .await
            .unwrap()
            .url
    }

    async fn get_url(&self, key: &ObjectKey) -> String {
        self.objects
            .presign_get(key, &DownloadOptions::default(), MINUTE)
            .await
            .unwrap()
            .url
    }

    async fn put(&self, key: &ObjectKey, body: impl Into<Vec<u8>>) -> Response {
        put(&self.put_url(key).await, body.into(), &[]).await
    }

    async fn get(&self, key: &ObjectKey) -> Response {
        send(Method::GET, &self.get_url(key).await, &[]).await
    }

    /// The bucket as a client of this endpoint knows it, for what our own URLs never ask.
    fn bucket(&self, region: &str) -> Bucket {
        let endpoint = self.url.parse().unwrap();
        Bucket::new(
            endpoint,
            UrlStyle::Path,
            BUCKET.to_owned(),
            region.to_owned(),
        )
        .unwrap()
    }

    fn address(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }

    /// How many files are being written.
    fn uploads(&self) -> usize {
        fs::read_dir(self.folder.join("uploads")).unwrap().count()
    }

    /// How many uploads in parts go on, and how many have ended and are not gone.
    fn in_parts(&self) -> (usize, usize) {
        let count = |name: &str| fs::read_dir(self.folder.join(name)).unwrap().count();
        (count("multipart"), count("parts"))
    }

    /// How many objects there are.
    fn kept(&self) -> usize {
        let shards = fs::read_dir(self.folder.join("objects")).unwrap();
        let files = |shard: fs::DirEntry| fs::read_dir(shard.path()).unwrap().count();
        shards.map(|shard| files(shard.unwrap())).sum()
    }
}

fn context(url: &str, with_key_pair: bool) -> StorageContext {
    StorageContext {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        public_url: url.parse().unwrap(),
        embedded_key_pair: with_key_pair.then(|| KeyPair {
            access_key_id: KEY_ID.to_owned(),
            secret_access_key: SECRET.into(),
        }),
        embedded_origins: vec![ORIGIN.to_owned()],
        transfer_limits: None,
        tenants: None,
    }
}

fn credentials() -> Credentials {
    Credentials::new(KEY_ID, SECRET)
}

#[expect(
    clippy::disallowed_methods,
    reason = "signs as a client would, by its own clock"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

fn key(database_name: &str) -> ObjectKey {
    ObjectKey {
        database_name: DatabaseName::parse(database_name).unwrap(),
        file_id: FileId::random(&SystemEntropy),
    }
}

fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder()
        .no_proxy()
        .timeout(MINUTE)
        .build()
        .unwrap()
}

async fn send(method: Method, url: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = client().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn put(url: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> Response {
    // reqwest leaves the length of an empty body out, and S3 insists on one.
    let mut request = client().put(url).header("content-length", body.len());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).send().await.unwrap()
}

/// Takes the status and the code of an S3 error, and holds it to be one.
async fn refusal(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let content_type = response.headers().get("content-type").cloned();
    let text = response.text().await.unwrap();
    assert_eq!(content_type.unwrap(), "application/xml", "{status} {text}");
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"));
    let (code, _) = code.unwrap_or_else(|| panic!("{status} without a code: {text}"));
    (status, code.to_owned())
}

/// Bytes that no compression and no offset error makes look right.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + MINUTE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
