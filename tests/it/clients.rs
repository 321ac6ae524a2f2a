//! The clients that people use move files by our URLs, against a real SeaweedFS and against the
//! embedded endpoint; and a URL permits the one thing that it was made for.
//!
//! curl, boto3's HTTP stack and minio-py's HTTP client take a URL as it is. The aws command line has
//! no command that takes one: it moves the same objects with the storage's key pair, and so do boto3
//! and minio-py as S3 clients, so that what one way stored the other way finds.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use url::Url;

use crate::support::{
    self, Builder, SeaweedFs, Server, Storage, Tenant, event_with_file, expect, expect_json,
};

/// More than one read of any client or server, and no multiple of anything.
const FILE_BYTES: usize = 300_001;

/// How long a client may take for one small file, on a machine that is busy with other tests.
const TRANSFER_TIMEOUT_S: &str = "60";

/// The resident memory that a server may have needed at its worst, however big a file was.
const MAX_RESIDENT_BYTES: u64 = 64_000_000;

/// A server, a tenant in it, and the storage behind its URLs.
struct Stage {
    server: Server,
    tenant: Tenant,
    storage: Storage,
}

impl Stage {
    async fn embedded(configure: impl Fn(Builder) -> Builder) -> Self {
        let server = configure(Server::builder()).start();
        let storage = server.embedded_storage();
        Self::new(server, storage).await
    }

    async fn on_seaweedfs(seaweedfs: &SeaweedFs, configure: impl Fn(Builder) -> Builder) -> Self {
        let storage = seaweedfs.storage().clone();
        let server = configure(Server::builder()).files_in(&storage).start();
        Self::new(server, storage).await
    }

    async fn new(server: Server, storage: Storage) -> Self {
        let tenant = server.create_tenant("alx_demo").await;
        Self {
            server,
            tenant,
            storage,
        }
    }

    fn key(&self, file_id: &str) -> String {
        format!("{}/{file_id}", self.tenant.database_name)
    }

    /// Uploads `bytes` by a fresh URL, and returns that URL and the file's id.
    async fn upload(&self, bytes: &[u8]) -> support::Upload {
        let upload = self.server.upload_url(&self.tenant).await;
        let request = self.server.client().put(&upload.url).body(bytes.to_vec());
        expect(request, StatusCode::OK).await;
        upload
    }

    /// Returns what the URL of an event's file leads to.
    async fn download(&self, file_id: &str) -> Vec<u8> {
        let url = self.server.download_url(&self.tenant, file_id).await;
        let response = expect(self.server.client().get(url), StatusCode::OK).await;
        response.bytes().await.expect("a whole body").to_vec()
    }

    /// Holds that the service sees no such file, which is what everyone else may see of it.
    async fn assert_invisible(&self, file_id: &str) {
        let delivery = self
            .server
            .delivery(&self.tenant, &event_with_file(file_id));
        let answer = expect_json(delivery, StatusCode::BAD_REQUEST).await;
        assert_eq!(
            answer["detail"],
            format!("'{file_id}' file not found in storage.")
        );
    }
}

#[tokio::test]
async fn every_client_moves_files_on_the_embedded_endpoint() {
    let stage = Stage::embedded(|builder| builder).await;
    every_client_gets_its_bytes_back(&stage).await;
}

#[tokio::test]
async fn urls_keep_their_promises_on_the_embedded_endpoint() {
    let stage = Stage::embedded(|builder| builder).await;
    a_url_permits_one_thing(&stage).await;
    racing_uploads_leave_one_whole_object(&stage).await;
    an_aborted_upload_leaves_nothing(&stage).await;
    an_empty_file_is_a_file(&stage).await;
}

#[tokio::test]
async fn urls_expire_on_the_embedded_endpoint() {
    an_upload_url_expires(&Stage::embedded(short_uploads).await).await;
    a_download_url_expires(&Stage::embedded(short_downloads).await).await;
}

#[tokio::test]
async fn everything_holds_on_seaweedfs() {
    let seaweedfs = SeaweedFs::start().await;
    let stage = Stage::on_seaweedfs(&seaweedfs, |builder| builder).await;
    every_client_gets_its_bytes_back(&stage).await;
    a_url_permits_one_thing(&stage).await;
    racing_uploads_leave_one_whole_object(&stage).await;
    an_aborted_upload_leaves_nothing(&stage).await;
    an_empty_file_is_a_file(&stage).await;
    an_upload_url_expires(&Stage::on_seaweedfs(&seaweedfs, short_uploads).await).await;
    a_download_url_expires(&Stage::on_seaweedfs(&seaweedfs, short_downloads).await).await;
}

fn short_uploads(builder: Builder) -> Builder {
    builder.arg("--upload-url-ttl").arg("1s")
}

fn short_downloads(builder: Builder) -> Builder {
    builder.arg("--download-url-ttl").arg("1s")
}

/// The longest that a URL of those two lives, and a second for the clocks' rounding.
const PAST_SHORT_LIFE: Duration = Duration::from_millis(2_500);

/// A way to move a file.
#[derive(Debug, Clone, Copy)]
enum Client {
    Curl,
    Boto3,
    Minio,
    Aws,
}

async fn every_client_gets_its_bytes_back(stage: &Stage) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (sent, received) = (folder.path().join("sent"), folder.path().join("received"));
    for client in [Client::Curl, Client::Boto3, Client::Minio] {
        let bytes = support::random_bytes(FILE_BYTES);
        fs::write(&sent, &bytes).expect("the folder is writable");
        let upload = stage.server.upload_url(&stage.tenant).await;
        client.by_url("put-url", &upload.url, &sent, folder.path());
        let url = stage
            .server
            .download_url(&stage.tenant, &upload.file_id)
            .await;
        client.by_url("get-url", &url, &received, folder.path());
        assert!(
            fs::read(&received).expect("a file") == bytes,
            "{client:?} by URL"
        );
    }
    for client in [Client::Boto3, Client::Minio, Client::Aws] {
        let bytes = support::random_bytes(FILE_BYTES);
        let upload = stage.upload(&bytes).await;
        let key = stage.key(&upload.file_id);
        client.by_key_pair("get-object", &stage.storage, &key, &received, folder.path());
        assert!(
            fs::read(&received).expect("a file") == bytes,
            "{client:?} fetches an upload"
        );

        let bytes = support::random_bytes(FILE_BYTES);
        fs::write(&sent, &bytes).expect("the folder is writable");
        let file_id = support::uuid();
        let key = stage.key(&file_id);
        client.by_key_pair("put-object", &stage.storage, &key, &sent, folder.path());
        assert!(
            stage.download(&file_id).await == bytes,
            "{client:?} stores for a download"
        );
    }
    aws_presigns_for_this_storage(stage, folder.path()).await;
}

/// A URL that the aws command line signs is as good as ours.
async fn aws_presigns_for_this_storage(stage: &Stage, folder: &Path) {
    let bytes = support::random_bytes(FILE_BYTES);
    let upload = stage.upload(&bytes).await;
    let object = format!(
        "s3://{}/{}",
        stage.storage.bucket,
        stage.key(&upload.file_id)
    );
    let mut command = with_key_pair(support::tool("aws"), &stage.storage, folder);
    let url = support::run(command.args(["s3", "presign", "--expires-in", "60", &object]));
    let response = expect(stage.server.client().get(url.trim()), StatusCode::OK).await;
    assert!(response.bytes().await.expect("a whole body") == bytes);
}

impl Client {
    /// Runs the client on nothing but a URL: `put-url` sends the file, `get-url` writes it.
    fn by_url(self, action: &str, url: &str, file: &Path, home: &Path) {
        let script = match self {
            Self::Curl => {
                let direction = if action == "put-url" {
                    "--upload-file"
                } else {
                    "--output"
                };
                let mut command = support::clean_command("curl", home);
                command.args(["--fail", "--silent", "--show-error"]);
                command.args(["--max-time", TRANSFER_TIMEOUT_S, direction]);
                support::run(command.arg(file).arg(url));
                return;
            }
            Self::Boto3 => "boto3_client.py",
            Self::Minio => "minio_client.py",
            Self::Aws => panic!("the aws command line has no command that takes a URL"),
        };
        let mut command = support::clean_command(support::python(), home);
        support::run(
            command
                .arg(support::script(script))
                .args([action, url])
                .arg(file),
        );
    }

    /// Runs the client as an S3 client: `put-object` sends the file, `get-object` writes it.
    fn by_key_pair(self, action: &str, storage: &Storage, key: &str, file: &Path, home: &Path) {
        let script = match self {
            Self::Curl => panic!("curl signs no S3 request by itself here"),
            Self::Boto3 => "boto3_client.py",
            Self::Minio => "minio_client.py",
            Self::Aws => {
                let object = format!("s3://{}/{key}", storage.bucket);
                let file = file.to_str().expect("a path of text");
                let mut command = with_key_pair(support::tool("aws"), storage, home);
                match action {
                    "put-object" => command.args(["s3", "cp", "--no-progress", file, &object]),
                    _ => command.args(["s3", "cp", "--no-progress", &object, file]),
                };
                support::run(&mut command);
                return;
            }
        };
        let mut command = with_key_pair(support::python(), storage, home);
        command.arg(support::script(script));
        support::run(command.args([action, &storage.bucket, key]).arg(file));
    }
}

fn with_key_pair(program: impl AsRef<Path>, storage: &Storage, home: &Path) -> Command {
    let mut command = support::clean_command(program, home);
    command
        .env("AWS_ENDPOINT_URL_S3", &storage.endpoint)
        .env("AWS_DEFAULT_REGION", &storage.region)
        .env("AWS_ACCESS_KEY_ID", &storage.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &storage.secret_access_key)
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

async fn a_url_permits_one_thing(stage: &Stage) {
    let bytes = support::random_bytes(FILE_BYTES);
    let upload = stage.upload(&bytes).await;
    let put = Url::parse(&upload.url).expect("a URL");
    let get = stage
        .server
        .download_url(&stage.tenant, &upload.file_id)
        .await;
    let get = Url::parse(&get).expect("a URL");
    let other_id = support::uuid();

    let mut refused = Vec::new();
    for method in [Method::GET, Method::HEAD, Method::DELETE, Method::POST] {
        refused.push(("another method", method, put.clone()));
    }
    for method in [Method::PUT, Method::HEAD, Method::DELETE, Method::POST] {
        refused.push(("another method", method, get.clone()));
    }
    for (method, url) in [(Method::PUT, &put), (Method::GET, &get)] {
        let (id, secret) = (&upload.file_id, "X-Amz-Signature");
        let key = url.as_str().replace(id, &other_id);
        let key = Url::parse(&key).expect("a URL");
        let unsigned = Url::parse(url.as_str().split('?').next().expect("a path")).expect("a URL");
        let list = unsigned
            .join("/")
            .expect("a URL")
            .join(&stage.storage.bucket)
            .expect("a URL");
        let changes = [
            ("another key", key),
            (
                "another signature",
                with_parameter(url, secret, other_signature),
            ),
            (
                "no signature",
                with_parameter(url, secret, |_| String::new()),
            ),
            (
                "a longer life",
                with_parameter(url, "X-Amz-Expires", |_| "86400".to_owned()),
            ),
            ("another day", with_parameter(url, "X-Amz-Date", other_day)),
            (
                "another key pair",
                with_parameter(url, "X-Amz-Credential", |it| format!("X{it}")),
            ),
            ("no query at all", unsigned),
            ("the bucket itself", list),
        ];
        refused.extend(changes.map(|(what, url)| (what, method.clone(), url)));
    }

    let client = stage.server.client();
    for (what, method, url) in refused {
        let request = client
            .request(method.clone(), url)
            .body("not what was there");
        let status = request.send().await.expect("an answer").status();
        assert!(status.is_client_error(), "{what}, {method}: {status}");
    }
    for (method, url) in [(Method::PUT, &put), (Method::GET, &get)] {
        let request = client
            .request(method.clone(), url.clone())
            .header("Host", "example.com");
        let status = request
            .body("not what was there")
            .send()
            .await
            .expect("an answer")
            .status();
        assert!(status.is_client_error(), "another host, {method}: {status}");
    }
    assert!(
        stage.download(&upload.file_id).await == bytes,
        "a refused request changed the file"
    );
    stage.assert_invisible(&other_id).await;
}

fn with_parameter(url: &Url, name: &str, change: impl Fn(&str) -> String) -> Url {
    let mut changed = url.clone();
    let pairs = url.query_pairs().map(|(key, value)| {
        let value = if key == name {
            change(&value)
        } else {
            value.clone().into_owned()
        };
        (key.into_owned(), value)
    });
    let pairs: Vec<_> = pairs.collect();
    changed.query_pairs_mut().clear().extend_pairs(pairs);
    assert_ne!(changed, *url, "no {name} to change");
    changed
}

fn other_signature(signature: &str) -> String {
    let last = if signature.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &signature[..signature.len() - 1])
}

fn other_day(date: &str) -> String {
    let last = if date.ends_with("00Z") { "01Z" } else { "00Z" };
    format!("{}{last}", &date[..date.len() - 3])
}

async fn an_upload_url_expires(stage: &Stage) {
    let upload = stage.server.upload_url(&stage.tenant).await;
    tokio::time::sleep(PAST_SHORT_LIFE).await;
    let request = stage.server.client().put(&upload.url).body("too late");
    let status = request.send().await.expect("an answer").status();
    assert!(status.is_client_error(), "{status}");
    stage.assert_invisible(&upload.file_id).await;
}

async fn a_download_url_expires(stage: &Stage) {
    let upload = stage.upload(b"in time").await;
    let url = stage
        .server
        .download_url(&stage.tenant, &upload.file_id)
        .await;
    tokio::time::sleep(PAST_SHORT_LIFE).await;
    let status = stage
        .server
        .client()
        .get(&url)
        .send()
        .await
        .expect("an answer")
        .status();
    assert!(status.is_client_error(), "{status}");
}

async fn racing_uploads_leave_one_whole_object(stage: &Stage) {
    const ROUNDS: usize = 8; // each a coin toss: enough to have seen both orders
    for _ in 0..ROUNDS {
        let upload = stage.server.upload_url(&stage.tenant).await;
        let bodies = [
            support::random_bytes(2 * FILE_BYTES),
            support::random_bytes(FILE_BYTES),
        ];
        let put = async |body: &[u8]| {
            let request = stage.server.client().put(&upload.url).body(body.to_vec());
            request.send().await.expect("an answer").status()
        };
        let statuses = tokio::join!(put(&bodies[0]), put(&bodies[1]));
        let accepted: Vec<_> = [statuses.0, statuses.1]
            .into_iter()
            .zip(&bodies)
            .filter_map(|(status, body)| status.is_success().then_some(body))
            .collect();
        assert!(!accepted.is_empty(), "both were refused: {statuses:?}");
        let stored = stage.download(&upload.file_id).await;
        assert!(
            accepted.into_iter().any(|body| *body == stored),
            "{} bytes that nobody sent as they are",
            stored.len()
        );
    }
}

async fn an_aborted_upload_leaves_nothing(stage: &Stage) {
    let upload = stage.server.upload_url(&stage.tenant).await;
    send_half(&upload.url);
    stage.assert_invisible(&upload.file_id).await;

    let bytes = support::random_bytes(FILE_BYTES);
    let upload = stage.upload(&bytes).await;
    send_half(&upload.url);
    assert!(
        stage.download(&upload.file_id).await == bytes,
        "a half upload replaced a whole one"
    );
}

/// Announces a body, sends half of it and hangs up; returns when the server has noticed.
fn send_half(url: &str) {
    let url = Url::parse(url).expect("a URL");
    let (host, port) = (url.host_str().expect("a host"), url.port().expect("a port"));
    let mut stream = TcpStream::connect((host, port)).expect("the server accepts");
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a time-out is set");
    let target = &url[url::Position::BeforePath..];
    write!(
        stream,
        "PUT {target} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {FILE_BYTES}\r\n\r\n"
    )
    .expect("the server reads");
    let half = support::random_bytes(FILE_BYTES / 2);
    stream.write_all(&half).expect("the server reads");
    stream
        .shutdown(Shutdown::Write)
        .expect("the connection is there");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => assert!(
            !answer.starts_with(b"HTTP/1.1 2"),
            "half a file was accepted: {}",
            String::from_utf8_lossy(&answer)
        ),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
}

async fn an_empty_file_is_a_file(stage: &Stage) {
    let upload = stage.upload(b"").await;
    assert!(stage.download(&upload.file_id).await.is_empty());
}

#[tokio::test]
async fn big_files_stay_out_of_memory() {
    let mib = support::number_from_environment("EVENT_HISTORY_TEST_FILE_MIB", 64);
    let stage = Stage::embedded(|builder| builder).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (sent, received) = (folder.path().join("sent"), folder.path().join("received"));
    write_big_file(&sent, mib);

    let upload = stage.server.upload_url(&stage.tenant).await;
    let start = Instant::now();
    curl_big(
        &[Path::new("--upload-file"), &sent, Path::new(&upload.url)],
        folder.path(),
    );
    let put_s = start.elapsed().as_secs_f64();
    let url = stage
        .server
        .download_url(&stage.tenant, &upload.file_id)
        .await;
    let start = Instant::now();
    curl_big(
        &[Path::new("--output"), &received, Path::new(&url)],
        folder.path(),
    );
    let get_s = start.elapsed().as_secs_f64();

    support::run(Command::new("cmp").args([&sent, &received]));
    let peak_bytes = stage.server.process().memory_bytes("VmHWM");
    println!("{mib} MiB: PUT {put_s:.1} s, GET {get_s:.1} s, at most {peak_bytes} bytes resident");
    assert!(
        peak_bytes < MAX_RESIDENT_BYTES,
        "{peak_bytes} bytes were resident"
    );
}

fn write_big_file(path: &Path, mib: u64) {
    let mut block = support::random_bytes(1024 * 1024);
    let mut file = fs::File::create(path).expect("the folder is writable");
    for number in 0..mib {
        block[..8].copy_from_slice(&number.to_le_bytes()); // no two blocks can change places unseen
        file.write_all(&block).expect("the disk has room");
    }
}

fn curl_big(arguments: &[&Path], home: &Path) {
    let mut command = support::clean_command("curl", home);
    command.args(["--fail", "--silent", "--show-error", "--max-time", "600"]);
    support::run(command.args(arguments));
}
