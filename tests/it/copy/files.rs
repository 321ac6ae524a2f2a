//! Copies of the tenants' files, between folders and to a real S3 server.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use event_history::domain::{
    DatabaseName, FileId, ObjectKey, SystemClock, SystemEntropy, Tenant, UploadConstraints,
};
use event_history::objects::{self, DownloadOptions, Objects, StorageContext};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use rusty_s3::S3Action;
use tempfile::TempDir;
use tokio::net::TcpListener;
use url::Url;

use super::{COPY_TIMEOUT, Place, copy, fill, run};
use crate::support::{self, Running, SeaweedFs, random_bytes};

const LIFE: Duration = Duration::from_mins(5);
const FILES: usize = 40;

/// An embedded storage, served by the test.
struct Served {
    objects: Arc<dyn Objects>,
    http: reqwest::Client,
}

impl Served {
    async fn new(location: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let context = StorageContext {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            public_url: Url::parse(&format!("http://{address}")).unwrap(),
            embedded_key_pair: None,
            embedded_origins: Vec::new(),
            transfer_limits: None,
            tenants: None,
        };
        let opened = objects::open(&location.parse().unwrap(), &context)
            .await
            .unwrap();
        let router = opened.endpoint.unwrap().router();
        // Ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            objects: opened.objects,
            http: support::http_client(),
        }
    }

    async fn put(&self, key: &ObjectKey, bytes: Vec<u8>, content_type: &str) {
        let url = self
            .objects
            .presign_put(key, &UploadConstraints::default(), LIFE)
            .await
            .unwrap()
            .url;
        let put = self
            .http
            .put(url)
            .header(CONTENT_TYPE, content_type)
            .header(CONTENT_LENGTH, bytes.len())
            .body(bytes);
        assert_eq!(put.send().await.unwrap().status(), StatusCode::OK);
    }

    async fn get(&self, key: &ObjectKey) -> (Vec<u8>, String) {
        let url = self
            .objects
            .presign_get(key, &DownloadOptions::default(), LIFE)
            .await
            .unwrap()
            .url;
        let response = self.http.get(url).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{key}");
        let content_type = response.headers()[CONTENT_TYPE]
            .to_str()
            .unwrap()
            .to_owned();
        (response.bytes().await.unwrap().into(), content_type)
    }
}

/// Two tenants with files, and where everything is.
struct Setting {
    home: TempDir,
    source: Place,
    destination: Place,
    files: Vec<(ObjectKey, Vec<u8>)>,
}

impl Setting {
    async fn new() -> Self {
        let source = Place::new();
        let made = fill(&source.location(), 2, 20).await;
        let home = tempfile::tempdir().unwrap();
        let storage = Served::new(&folder(home.path(), "from")).await;
        let mut files = Vec::new();
        for number in 0..FILES {
            let size = [0, 1, 100_000, 3_000_000][number % 4];
            let (key, bytes) = (key_of(&made[number % 2].0), random_bytes(size));
            storage
                .put(&key, bytes.clone(), &format!("text/x-{number}"))
                .await;
            files.push((key, bytes));
        }
        Self {
            home,
            source,
            destination: Place::new(),
            files,
        }
    }

    fn copy(&self, to: &str) -> Command {
        let (from, database) = (self.source.location(), self.destination.location());
        let mut command = copy(self.home.path(), &from, &database);
        command.args(["--files-from", &folder(self.home.path(), "from")]);
        command.args(["--files-to", to]);
        command
    }
}

fn folder(home: &Path, name: &str) -> String {
    format!("file:{}", home.join(name).display())
}

fn key_of(tenant: &Tenant) -> ObjectKey {
    ObjectKey {
        database_name: tenant.database_name.clone(),
        file_id: FileId::random(&SystemEntropy),
    }
}

/// Counts the objects in an embedded storage's folder.
fn objects_in(folder: &Path) -> usize {
    let Ok(shards) = std::fs::read_dir(folder.join("objects")) else {
        return 0;
    };
    let count = |shard: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_dir(shard.unwrap().path()).unwrap().count()
    };
    shards.map(count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_folder_to_folder_killed_twice() {
    let setting = Setting::new().await;
    let to = folder(setting.home.path(), "to");
    let target = setting.home.path().join("to");
    for third in 1..=2 {
        let copying = Running::spawn(&mut setting.copy(&to));
        support::wait_for("a part of the files", COPY_TIMEOUT, async || {
            assert!(!copying.has_ended(), "{}", copying.stderr());
            (objects_in(&target) >= FILES * third / 3).then_some(())
        })
        .await;
        copying.kill();
        assert!(
            objects_in(&target) < FILES,
            "it was through before it was killed"
        );
    }
    let before = objects_in(&target);
    let (status, stdout, stderr) = run(&mut setting.copy(&to));
    assert_eq!(status, 0, "{stdout}{stderr}");
    let copied: usize = stdout
        .lines()
        .filter_map(|line| line.strip_suffix(" copied now")?.rsplit(' ').next())
        .map(|count| count.parse::<usize>().unwrap())
        .sum();
    assert_eq!(
        copied,
        FILES - before,
        "what was there is not moved again: {stdout}"
    );

    let storage = Served::new(&to).await;
    for (number, (key, bytes)) in setting.files.iter().enumerate() {
        let (there, content_type) = storage.get(key).await;
        assert!(there == *bytes, "{key}");
        assert_eq!(content_type, format!("text/x-{number}"));
    }
    assert!(!setting.home.path().join("to/key-pair.json").exists() || before > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn different_and_missing_files_are_reported_by_tenant() {
    let setting = Setting::new().await;
    let to = folder(setting.home.path(), "to");
    let nobodys = ObjectKey {
        database_name: DatabaseName::parse("nobody").unwrap(),
        file_id: FileId::random(&SystemEntropy),
    };
    let source = Served::new(&folder(setting.home.path(), "from")).await;
    source.put(&nobodys, vec![1], "text/plain").await;
    let (status, stdout, stderr) = run(&mut setting.copy(&to));
    assert_eq!(status, 0, "{stdout}{stderr}");
    let skipped = format!(
        "1 objects of the source were skipped because they are not files of a tenant: {nobodys}"
    );
    assert!(stdout.contains(&skipped), "{stdout}");

    // The third file is of tenant 0: other bytes of the same length.
    let storage = Served::new(&to).await;
    let (changed, bytes) = &setting.files[2];
    storage
        .put(changed, random_bytes(bytes.len()), "text/x-2")
        .await;
    let mut verify = setting.copy(&to);
    let (status, stdout, stderr) = run(verify.arg("--verify-only"));
    assert_eq!(status, 1, "{stdout}{stderr}");
    let differing: Vec<&str> = stdout
        .lines()
        .filter(|it| it.contains("differs:"))
        .collect();
    let expected = format!(
        "tenant '{}' differs: 1 files differ: '{changed}' differs at the destination",
        changed.database_name
    );
    assert_eq!(differing, [expected]);
    let (status, stdout, stderr) = run(&mut setting.copy(&to));
    assert_eq!(status, 0, "{stdout}{stderr}");
    assert!(storage.get(changed).await.0 == *bytes, "repaired");

    // A file of the destination's own is one too many.
    let invented = ObjectKey {
        file_id: FileId::random(&SystemEntropy),
        ..changed.clone()
    };
    storage.put(&invented, vec![1, 2, 3], "text/plain").await;
    let (status, stdout, _) = run(verify.arg("--tenant").arg(changed.database_name.as_str()));
    assert_eq!(status, 1);
    assert!(
        stdout.contains("differs: the source has 20 files of"),
        "{stdout}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_object_is_reported_and_others_are_copied() {
    let setting = Setting::new().await;
    let to = folder(setting.home.path(), "to");
    let shards = std::fs::read_dir(setting.home.path().join("from/objects")).unwrap();
    let files = shards.flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    // The first by size that has a length worth cutting.
    let path = paths
        .into_iter()
        .max_by_key(|it| it.metadata().unwrap().len())
        .unwrap();
    let content = std::fs::read(&path).unwrap();
    std::fs::write(&path, &content[..content.len() - 1]).unwrap();
    let (status, stdout, stderr) = run(&mut setting.copy(&to));
    assert_eq!(status, 1, "{stdout}{stderr}");
    let name = path.file_name().unwrap().to_str().unwrap();
    let remark = stdout
        .lines()
        .find(|it| it.starts_with("1 objects of the source cannot be read"));
    assert!(remark.unwrap().contains(name), "{stdout}");
    assert_eq!(objects_in(&setting.home.path().join("to")), FILES - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_folder_to_seaweedfs_and_back() {
    let setting = Setting::new().await;
    let seaweedfs = SeaweedFs::start().await;
    let storage = seaweedfs.storage();
    let [(_, location), access_key_id, secret] = storage.settings();
    let location = location.replace('?', "/moved/here?");
    let (status, stdout, stderr) = run(setting
        .copy(&location)
        .envs([access_key_id.clone(), secret.clone()]));
    assert_eq!(status, 0, "{stdout}{stderr}");
    assert!(
        stdout.ends_with("2 tenants with 20 events agree\n"),
        "{stdout}"
    );

    // Names of others' making are let be, and told.
    let (bucket, credentials) = (storage.bucket(), storage.credentials());
    let stranger = "moved/here/copied-00/no-uuid";
    let url = bucket.put_object(Some(&credentials), stranger).sign(LIFE);
    let put = support::http_client()
        .put(url)
        .body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), StatusCode::OK);

    let back = Place::new();
    let home = setting.home.path();
    let mut command = copy(home, &setting.destination.location(), &back.location());
    command.args([
        "--files-from",
        &location,
        "--files-to",
        &folder(home, "back"),
    ]);
    command.envs([access_key_id, secret]);
    let (status, stdout, stderr) = run(&mut command);
    assert_eq!(status, 0, "{stdout}{stderr}");
    assert!(
        stdout.contains("1 objects of the source were skipped"),
        "{stdout}"
    );
    assert!(stdout.contains(stranger), "{stdout}");
    let served = Served::new(&folder(home, "back")).await;
    for (number, (key, bytes)) in setting.files.iter().enumerate() {
        let (there, content_type) = served.get(key).await;
        assert!(there == *bytes, "{key}");
        assert_eq!(content_type, format!("text/x-{number}"));
    }
}
