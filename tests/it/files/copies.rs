//! Copies of files that events reference: the destination serves what was recorded at the source, and protects it.

use std::path::Path;
use std::process::Command;

use http::{Method, StatusCode};
use rusty_s3::S3Action;
use tempfile::TempDir;

use super::{
    LIFE, PART_BYTES, Uploaded, assert_kept, embedded_settings, files, refer, run, upload,
    upload_in_parts,
};
use crate::support::{self, SeaweedFs, Server, Storage, Tenant, event_with_file, expect};

/// Settings that name a database and a storage.
pub(super) type Settings = Vec<(&'static str, String)>;

/// A tenant whose events reference files that were uploaded in every way.
struct Source {
    server: Server,
    tenant: Tenant,
    files: Vec<Uploaded>,
}

impl Source {
    async fn new(server: Server) -> Self {
        let tenant = server.create_tenant("copied").await;
        let mut files = vec![upload(&server, &tenant).await];
        // The sizes of the parts cannot be guessed from the number of parts alone.
        for length in [PART_BYTES + 1, 2 * PART_BYTES + PART_BYTES / 2] {
            let bytes = support::random_bytes(length);
            files.push(upload_in_parts(&server, &tenant, bytes).await);
        }
        for file in &mut files {
            refer(&server, &tenant, file).await;
            assert!(file.event_id.is_some());
        }
        Self {
            server,
            tenant,
            files,
        }
    }

    /// Returns the command that copies everything.
    fn copy(&self, files_from: Option<&Storage>, to: &Settings) -> Command {
        let mut from = Vec::from(embedded_settings(&self.server));
        if let Some(storage) = files_from {
            from.retain(|(name, _)| *name != "EVENT_HISTORY_FILES");
            from.extend(storage.settings());
        }
        copy(self.server.folder(), &from, to)
    }
}

/// Returns `event-history copy` from what these settings name to what those do.
pub(super) fn copy(home: &Path, from: &Settings, to: &Settings) -> Command {
    let mut command = support::clean_command(support::binary(), home);
    command.arg("copy");
    for (settings, side) in [(from, "FROM"), (to, "TO")] {
        for (name, value) in settings {
            let name = match *name {
                "EVENT_HISTORY_DATABASE" => format!("EVENT_HISTORY_COPY_{side}"),
                "EVENT_HISTORY_FILES" => format!("EVENT_HISTORY_COPY_FILES_{side}"),
                credentials => credentials.to_owned(),
            };
            command.env(name, value);
        }
    }
    command
}

pub(super) fn destination(home: &TempDir, storage: Option<&Storage>) -> Settings {
    let folder = |name: &str| home.path().join(name).display().to_string();
    let mut settings = vec![
        (
            "EVENT_HISTORY_DATABASE",
            format!("sqlite:{}", folder("data")),
        ),
        ("EVENT_HISTORY_FILES", format!("file:{}", folder("files"))),
    ];
    if let Some(storage) = storage {
        settings.retain(|(name, _)| *name != "EVENT_HISTORY_FILES");
        settings.extend(storage.settings());
    }
    settings
}

pub(super) fn serve(settings: &Settings) -> Server {
    let builder = Server::builder();
    let builder = settings
        .iter()
        .fold(builder, |builder, (name, value)| builder.env(name, value));
    builder.start()
}

pub(super) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    said
}

/// Every file can be downloaded from the copy, and agrees with its record.
async fn arrived(home: &Path, source: &Source, settings: &Settings) -> Server {
    let server = serve(settings);
    for file in &source.files {
        assert_kept(&server, &source.tenant, file).await;
    }
    let (code, lines) = run(files(home, settings, &["verify"])).await;
    assert_eq!(code, 0, "{lines:?}");
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_parts_download_from_a_copy_in_a_folder_and_are_sealed() {
    let source = Source::new(Server::start()).await;
    assert!(source.server.process().term().success());
    let home = tempfile::tempdir().unwrap();
    let settings = destination(&home, None);
    succeed(&mut source.copy(None, &settings));
    let said = succeed(source.copy(None, &settings).arg("--verify-only"));
    assert!(!said.contains("differ"), "{said}");
    let server = arrived(home.path(), &source, &settings).await;

    let (storage, file) = (server.embedded_storage(), &source.files[2]);
    let key = format!("{}/{}", source.tenant.database_name, file.file_id);
    let (bucket, credentials) = (storage.bucket(), storage.credentials());
    let put = bucket.put_object(Some(&credentials), &key).sign(LIFE);
    let answer = server.client().put(put).body("forged").send().await;
    let status = answer.unwrap().status();
    assert!(status.is_client_error(), "{status}");
    assert_kept(&server, &source.tenant, file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_parts_download_from_a_copy_on_seaweedfs_and_back() {
    let seaweedfs = SeaweedFs::start().await;
    let source = Source::new(Server::start()).await;
    assert!(source.server.process().term().success());
    let home = tempfile::tempdir().unwrap();
    let there = destination(&home, Some(seaweedfs.storage()));
    succeed(&mut source.copy(None, &there));
    let server = arrived(home.path(), &source, &there).await;
    assert!(server.process().term().success());

    let back_home = tempfile::tempdir().unwrap();
    let back = destination(&back_home, None);
    succeed(&mut copy(home.path(), &there, &back));
    arrived(back_home.path(), &source, &back).await;
}

/// Puts other bytes over a file, with the storage's own credentials.
async fn overwrite(storage: &Storage, tenant: &Tenant, file: &Uploaded) {
    let key = format!("{}/{}", tenant.database_name, file.file_id);
    let (bucket, credentials) = (storage.bucket(), storage.credentials());
    let put = bucket.put_object(Some(&credentials), &key).sign(LIFE);
    let put = support::http_client().put(put).body("newer");
    expect(put, StatusCode::OK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_version_is_copied_and_locked() {
    let seaweedfs = SeaweedFs::start().await;
    let bucket = seaweedfs.locked_bucket().await;
    let server = Server::builder().files_in(&bucket).start();
    let mut source = Source::new(server).await;
    // A newer version, which no event recorded.
    overwrite(&bucket, &source.tenant, &source.files[0]).await;
    overwrite(&bucket, &source.tenant, &source.files[1]).await;
    for file in &source.files {
        assert_kept(&source.server, &source.tenant, file).await;
    }
    assert!(source.server.process().term().success());
    let home = tempfile::tempdir().unwrap();
    let settings = destination(&home, None);
    for _ in 0..2 {
        succeed(&mut source.copy(Some(&bucket), &settings));
    }
    let copy = arrived(home.path(), &source, &settings).await;
    assert!(copy.process().term().success());

    // To a bucket with Object Lock: no digest but the ETag is known of the files in parts.
    let locked = seaweedfs.locked_bucket_called("copies").await;
    let home = tempfile::tempdir().unwrap();
    let settings = destination(&home, Some(&locked));
    let mut command = source.copy(Some(&bucket), &settings);
    succeed(command.args(["--object-lock", "compliance:1h"]));
    let copy = arrived(home.path(), &source, &settings).await;
    let key = format!(
        "{}/{}",
        source.tenant.database_name, source.files[2].file_id
    );
    let (there, credentials) = (locked.bucket(), locked.credentials());
    let head = there.head_object(Some(&credentials), &key).sign(LIFE);
    let head = expect(support::http_client().head(head), StatusCode::OK).await;
    let version_id = head.headers()["x-amz-version-id"].to_str().unwrap();
    let mut delete = there.delete_object(Some(&credentials), &key);
    delete
        .query_mut()
        .insert("versionId", version_id.to_owned());
    let delete = support::http_client().delete(delete.sign(LIFE));
    expect(delete, StatusCode::FORBIDDEN).await;
    assert_kept(&copy, &source.tenant, &source.files[2]).await;
    drop(copy);

    // Of two events, each recorded another version: only one can be the newest there.
    source.server.start_again();
    let newer = event_with_file(&source.files[0].file_id);
    source.server.deliver(&source.tenant, &newer).await;
    let target = format!(
        "/api/history/events/{}/file",
        newer["event_id"].as_str().unwrap()
    );
    let request = source
        .server
        .request_as(&source.tenant, Method::GET, &target);
    expect(request, StatusCode::OK).await;
    assert!(source.server.process().term().success());
    // Both versions are verified.
    let [database, _] = embedded_settings(&source.server);
    let mut settings = Vec::from(bucket.settings());
    settings.push(database);
    let (code, lines) = run(files(source.server.folder(), &settings, &["verify"])).await;
    assert_eq!(code, 0, "{lines:?}");
    assert_eq!(lines[0]["sum"]["files"], 4, "{lines:?}");
    let home = tempfile::tempdir().unwrap();
    let output = source
        .copy(Some(&bucket), &destination(&home, None))
        .output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("1 files differ:"), "{said}");
    assert!(
        said.contains("is not what was recorded at the destination"),
        "{said}"
    );
}
