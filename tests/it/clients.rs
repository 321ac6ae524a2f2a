//! Common clients transfer files with presigned URLs, on SeaweedFS and on the embedded endpoint, and a URL permits only
//! what it was signed for.
//!
//! curl, boto3's HTTP stack and minio-py's HTTP client take a URL as it is. The aws command line, aws-sdk-js, rclone and
//! s3cmd move the same objects with the storage's key pair, and so do boto3 and minio-py as S3 clients, so that what one
//! way stored the other way finds.

mod promises;
pub(crate) mod tls;
mod transfer;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use http::StatusCode;

use promises::{
    a_download_url_expires, a_url_permits_one_thing, an_aborted_upload_leaves_nothing,
    an_empty_file_is_a_file, an_upload_url_expires, racing_uploads_leave_one_whole_object,
};
use tls::TlsFront;
use transfer::{Client, with_key_pair};

use crate::support::{
    self, Builder, SeaweedFs, Server, Storage, Tenant, event_with_file, expect, expect_json,
};

/// More than one read of any client or server, and no multiple of anything.
const FILE_BYTES: usize = 300_001;

/// The resident memory that a server may have needed at its worst beyond what it had before, however big a file was: what it
/// had is the program, which grows with its code.
const MAX_GROWTH_BYTES: u64 = 18_000_000;

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

/// As current SDKs send by default: in AWS's chunks with a trailing checksum, and without a length.
#[tokio::test]
async fn clients_upload_through_tls() {
    let stage = Stage::embedded(|builder| builder).await;
    let port = stage.server.url().rsplit_once(':').expect("a port").1;
    let front = TlsFront::start(port.parse().expect("a port"));
    let storage = Storage {
        endpoint: format!("https://localhost:{}", front.port),
        ..stage.storage.clone()
    };
    let home = tempfile::tempdir().expect("a folder");
    let [sent, received] = ["sent", "received"].map(|name| home.path().join(name));
    // In one request, and in parts.
    for size in [FILE_BYTES, 20_000_001] {
        let bytes = support::random_bytes(size);
        fs::write(&sent, &bytes).expect("the folder is writable");
        for client in Client::WITH_KEY_PAIR {
            let file_id = support::uuid();
            let key = stage.key(&file_id);
            let trust = Some(front.certificate.as_path());
            client.move_file("put-object", &storage, trust, &key, &sent, home.path());
            let stored = stage.download(&file_id).await;
            assert!(stored == bytes, "{client:?} stores {size} bytes");
            client.move_file("get-object", &storage, trust, &key, &received, home.path());
            let found = fs::read(&received).expect("a file");
            assert!(found == bytes, "{client:?} fetches {size} bytes");
            fs::remove_file(&received).expect("a file");
        }
        let file_id = support::uuid();
        let (key, trust) = (stage.key(&file_id), Some(front.certificate.as_path()));
        Client::AwsJs.move_file("put-presigned", &storage, trust, &key, &sent, home.path());
        assert!(stage.download(&file_id).await == bytes);
    }
}

/// `aws s3 cp` and boto3 send what is larger than 8 MB in parts; boto3 also makes forms, and asks for
/// everything else that an upload in parts knows.
#[tokio::test]
async fn clients_send_parts_and_forms_to_the_embedded_endpoint() {
    let stage = Stage::embedded(|builder| builder).await;
    let home = tempfile::tempdir().expect("a folder");
    let [file, back] = ["file", "back"].map(|name| home.path().join(name));
    fs::write(&file, support::random_bytes(20_000_001)).expect("a file");
    let upload = stage.server.upload_url(&stage.tenant).await;
    let key = stage.key(&upload.file_id);
    for (action, file) in [("put-object", &file), ("get-object", &back)] {
        Client::Aws.by_key_pair(action, &stage.storage, &key, file, home.path());
    }
    assert!(fs::read(&file).expect("a file") == fs::read(&back).expect("a file"));

    let mut boto3 = with_key_pair(support::python(), &stage.storage, home.path());
    boto3.arg(support::script("boto3_parts.py"));
    let printed = support::run(boto3.arg(&stage.storage.bucket).arg(&key).arg(&file));
    assert!(printed.contains("all is well"), "{printed}");
}

#[tokio::test]
async fn urls_work_as_documented_on_the_embedded_endpoint() {
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
async fn everything_works_on_seaweedfs() {
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
    for client in Client::WITH_KEY_PAIR {
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
    // Left to itself it presigns by version 2, which S3 has given up.
    let config = folder.join("config");
    fs::write(&config, "[default]\ns3 =\n    signature_version = s3v4\n")
        .expect("a writable folder");
    command.env("AWS_CONFIG_FILE", config);
    let url = support::run(command.args(["s3", "presign", "--expires-in", "60", &object]));
    let response = expect(stage.server.client().get(url.trim()), StatusCode::OK).await;
    assert!(response.bytes().await.expect("a whole body") == bytes);
}

#[tokio::test]
async fn big_files_use_bounded_memory() {
    let mib = support::number_from_environment("EVENT_HISTORY_TEST_FILE_MIB", 64);
    let stage = Stage::embedded(|builder| builder).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (sent, received) = (folder.path().join("sent"), folder.path().join("received"));
    write_big_file(&sent, mib);

    let before_bytes = stage.server.process().memory_bytes("VmHWM");
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
    let growth_bytes = peak_bytes - before_bytes;
    assert!(
        growth_bytes < MAX_GROWTH_BYTES,
        "{growth_bytes} bytes more were resident"
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
