//! URLs for S3 are those that AWS's own library makes: botocore signs the same cases.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at anything that it does not expect, helpers included"
)]

mod forms;
mod random;
mod rotation;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use event_history::domain::{
    DatabaseName, FileId, ObjectKey, SystemClock, SystemEntropy, UploadConstraints,
};
use event_history::objects::s3::amazon_endpoint;
use event_history::objects::signer::{Signer, Signing};
use event_history::objects::{
    self, DownloadOptions, Location, Objects, Opened, PresignedUrl, StorageContext,
};
use http::StatusCode;
use jiff::Timestamp;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use serde::Serialize;
use tokio::net::TcpListener;
use url::Url;

use random::Random;

use crate::conformance::objects as conformance;
use crate::support::{self, SeaweedFs, Server, Storage};

const CASES: usize = 100;

/// Any fixed number: the cases are the same in each run.
const SEED: u64 = 20_261_123;

const BUCKET: &str = "cluster-1-namespace-2";

/// Names the storage that the suite is to be run on, to a process of its own.
const FILES: &str = "EVENT_HISTORY_TEST_FILES";

/// What `python/presign.py` reads.
#[derive(Debug, Clone, Serialize)]
struct Case {
    method: &'static str,
    region: String,
    bucket: String,
    key: String,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    instant: i64,
    life_seconds: u64,
}

#[test]
fn a_hundred_urls_equal_those_of_botocore() {
    let mut random = Random(SEED);
    let mut cases = Vec::new();
    let mut ours = Vec::new();
    for number in 0..CASES {
        let (case, url) = random_case(&mut random, number);
        cases.push(case);
        ours.push(url);
    }
    assert!(
        cases
            .iter()
            .filter(|case| case.session_token.is_some())
            .count()
            > CASES / 3
    );
    assert!(
        cases
            .iter()
            .filter(|case| case.session_token.is_none())
            .count()
            > CASES / 3
    );
    let theirs = botocore(&cases);
    assert_eq!(theirs.len(), CASES);
    for ((case, ours), theirs) in cases.iter().zip(&ours).zip(&theirs) {
        assert_eq!(parts(ours), parts(theirs), "{case:?}");
    }
}

#[tokio::test]
async fn the_service_hands_out_the_documented_form() {
    for session_token in [None, Some("FwoGZXIvYXdzEXAMPLE//token+with/every=kind==")] {
        let mut builder = Server::builder()
            .env(
                "EVENT_HISTORY_FILES",
                format!("s3://{BUCKET}?region=eu-west-2"),
            )
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env(
                "AWS_SECRET_ACCESS_KEY",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            );
        if let Some(token) = session_token {
            builder = builder.env("AWS_SESSION_TOKEN", token);
        }
        let server = builder.start();
        let tenant = server.create_tenant("alx_demo").await;
        let upload = server.upload_url(&tenant).await;
        let file_id = &upload.file_id;
        let beginning = format!(
            "https://s3.eu-west-2.amazonaws.com/{BUCKET}/alx_demo/{file_id}\
             ?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
        );
        assert!(upload.url.starts_with(&beginning), "{}", upload.url);

        let (_, query) = parts(&upload.url);
        let instant = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", &query["X-Amz-Date"])
            .and_then(|parsed| parsed.to_datetime())
            .and_then(|instant| jiff::tz::TimeZone::UTC.to_timestamp(instant))
            .unwrap();
        let case = Case {
            method: "PUT",
            region: "eu-west-2".into(),
            bucket: BUCKET.into(),
            key: format!("alx_demo/{file_id}"),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: session_token.map(str::to_owned),
            instant: instant.as_second(),
            life_seconds: 900,
        };
        let theirs = botocore(&[case]).remove(0);
        assert_eq!(parts(&upload.url), parts(&theirs));
    }
}

/// Credentials for a storage elsewhere come from the environment, so the suite that every storage has
/// to pass runs in a process of its own: the tests below.
#[tokio::test]
async fn seaweedfs_conforms() {
    let seaweedfs = SeaweedFs::start().await;
    run_suite(seaweedfs.storage(), "presign::the_storage_conforms");
}

/// The same in a bucket that keeps versions, and locks them.
#[tokio::test]
async fn seaweedfs_conforms_with_object_lock() {
    let seaweedfs = SeaweedFs::start().await;
    let storage = seaweedfs.locked_bucket().await;
    run_suite(&storage, "presign::the_locking_storage_conforms");
}

fn run_suite(storage: &Storage, test: &str) {
    let Storage {
        endpoint,
        bucket,
        region,
        access_key_id,
        secret_access_key,
    } = storage;
    let home = tempfile::tempdir().unwrap();
    let mut suite = support::clean_command(std::env::current_exe().unwrap(), home.path());
    suite
        .args(["--exact", "--ignored", test])
        .env(
            FILES,
            format!("s3://{bucket}/a/prefix?region={region}&endpoint={endpoint}"),
        )
        .env("AWS_ACCESS_KEY_ID", access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", secret_access_key);
    let printed = support::run(&mut suite);
    assert!(printed.contains("1 passed"), "{printed}");
}

#[tokio::test]
#[ignore = "needs a storage: another test runs it with one in its environment"]
async fn the_storage_conforms() {
    let (objects, http) = storage_of_environment().await;
    // More than the thousand keys of one page.
    conformance::every_object_is_listed_once(&objects, &http, 1050).await;
    conformance::versions::nothing_is_retained(&objects, &http).await;
    conformance::copies::what_is_known_goes_along(&objects, &objects, &http).await;
    everything_conforms(objects, http).await;
}

#[tokio::test]
#[ignore = "needs a storage: another test runs it with one in its environment"]
async fn the_locking_storage_conforms() {
    let (objects, http) = storage_of_environment().await;
    conformance::versions::an_old_version_stays(&objects, &http).await;
    let (key, version_id) = conformance::versions::a_retention_only_grows(&objects, &http).await;
    everything_conforms(objects, http.clone()).await;

    // Not even whoever has every right may remove the version.
    let Ok(Location::S3 {
        bucket,
        prefix,
        region: Some(region),
        endpoint: Some(endpoint),
    }) = support::environment(FILES).unwrap().parse()
    else {
        panic!("a bucket of another's");
    };
    let credentials = Credentials::from_env().unwrap();
    let bucket = Bucket::new(endpoint, UrlStyle::Path, bucket, region).unwrap();
    let path = format!("{prefix}/{key}");
    let mut action = bucket.delete_object(Some(&credentials), &path);
    action.query_mut().insert("versionId", version_id);
    let url = action.sign(Duration::from_mins(1));
    let status = http.delete(url).send().await.unwrap().status();
    assert_eq!(status, StatusCode::FORBIDDEN);
}

async fn storage_of_environment() -> (Arc<dyn Objects>, reqwest::Client) {
    let location = support::environment(FILES).expect("a storage");
    let opened = open(&location, "http://127.0.0.1").await;
    (opened.objects, support::http_client())
}

async fn everything_conforms(objects: Arc<dyn Objects>, http: reqwest::Client) {
    conformance::terms::all(&objects, &http).await;
    conformance::forms::all(&objects, &http).await;
    conformance::parts::all(&objects, &http).await;
    conformance::versions::all(&objects, &http).await;
    conformance::all(objects, http).await;
}

#[tokio::test]
async fn the_embedded_storage_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let objects = embedded(folder.path()).await;
    let http = support::http_client();
    conformance::versions::nothing_is_retained(&objects, &http).await;
    conformance::copies::what_is_known_goes_along(&objects, &objects, &http).await;
    everything_conforms(objects, http).await;
}

/// Returns a storage in a folder, served until the test's runtime ends.
async fn embedded(folder: &Path) -> Arc<dyn Objects> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let public_url = format!("http://{}", listener.local_addr().unwrap());
    let opened = open(&format!("file:{}", folder.display()), &public_url).await;
    let router = opened.endpoint.unwrap().router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    opened.objects
}

async fn open(location: &str, public_url: &str) -> Opened {
    let context = StorageContext {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        public_url: Url::parse(public_url).unwrap(),
        embedded_key_pair: None,
        embedded_origins: Vec::new(),
        transfer_limits: None,
        tenants: None,
    };
    let location: Location = location.parse().unwrap();
    objects::open(&location, &context).await.unwrap()
}

/// Returns a case, and our URL for it.
fn random_case(random: &mut Random, number: usize) -> (Case, String) {
    const REGIONS: [&str; 5] = [
        "eu-west-2",
        "us-east-1",
        "ap-south-1",
        "us-gov-west-1",
        "cn-north-1",
    ];
    // Nobody can forbid an operator to name a prefix like the later ones.
    const PREFIXES: [&str; 6] = [
        "",
        "history",
        "a/b/c",
        "with space",
        "p+l=u~s@&",
        "größe/файл",
    ];

    let region = REGIONS[random.below(REGIONS.len())];
    let prefix = PREFIXES[random.below(PREFIXES.len())];
    let key = ObjectKey {
        database_name: random_name(random),
        file_id: FileId::from_uuid(random.uuid_v4()),
    };
    let access_key_id = random.text(20, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
    let secret_access_key = random.text(40, BASE64);
    let session_token = (random.below(2) == 0).then(|| random.text(356, BASE64) + "==");
    let instant = 946_684_800 + i64::try_from(random.below(3_000_000_000)).unwrap();
    let life_seconds = 1 + random.below(7 * 24 * 60 * 60) as u64;

    let credentials = match &session_token {
        Some(token) => Credentials::new_with_token(&access_key_id, &secret_access_key, token),
        None => Credentials::new(&access_key_id, &secret_access_key),
    };
    let endpoint = amazon_endpoint(region).unwrap();
    let signer =
        Signer::new(endpoint, BUCKET.into(), prefix.into(), region.into()).expect("an endpoint");
    let nanosecond = i32::try_from(random.below(1_000_000_000)).unwrap();
    let now = Timestamp::new(instant, nanosecond).unwrap();
    let life = Duration::from_secs(life_seconds);
    let signing = Signing {
        credentials: &credentials,
        now,
        life,
    };
    let (method, presigned) = if number.is_multiple_of(2) {
        (
            "PUT",
            signer.put(&key, &UploadConstraints::default(), signing),
        )
    } else {
        (
            "GET",
            signer.get(&key, &DownloadOptions::default(), signing),
        )
    };
    let PresignedUrl {
        url,
        headers,
        expires_at,
    } = presigned;
    assert_eq!(headers, []);
    assert_eq!(
        expires_at.as_nanosecond(),
        i128::from(instant + life_seconds.cast_signed()) * 1_000_000_000
    );
    let case = Case {
        method,
        region: region.into(),
        bucket: BUCKET.into(),
        key: signer.full_key(&key),
        access_key_id,
        secret_access_key,
        session_token,
        instant,
        life_seconds,
    };
    (case, url)
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Returns any name that a tenant's database may have.
fn random_name(random: &mut Random) -> DatabaseName {
    const FIRST: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const REST: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    let length = random.below(DatabaseName::MAX_LENGTH);
    let name = random.text(1, FIRST) + &random.text(length, REST);
    DatabaseName::parse(&name).unwrap()
}

/// Returns botocore's URLs for the cases: one process for all of them.
fn botocore(cases: &[Case]) -> Vec<String> {
    let home = tempfile::tempdir().unwrap();
    let mut python = support::clean_command(support::python(), home.path())
        .arg(support::script("presign.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    stdin
        .write_all(&serde_json::to_vec(cases).unwrap())
        .unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "presign.py: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Splits a URL into what must be equal byte for byte, and the parameters, whose order is free.
fn parts(url: &str) -> (String, BTreeMap<String, String>) {
    let (beginning, query) = url.split_once('?').unwrap();
    let mut parameters = BTreeMap::new();
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=').unwrap();
        // `X-Amz-Date` is read by a test; the others stay as they were encoded.
        assert_eq!(
            parameters.insert(name.to_owned(), value.to_owned()),
            None,
            "{name} twice"
        );
    }
    assert!(parameters.contains_key("X-Amz-Signature"), "{url}");
    Url::parse(url).unwrap();
    (beginning.to_owned(), parameters)
}
