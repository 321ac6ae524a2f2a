//! The key pair, and the findings of `check` for a folder.

use std::os::unix::fs::PermissionsExt;

use event_history::domain::finding::State;
use event_history::objects::{DownloadOptions, Error, Requirements, StorageContext};

use super::*;

const ANYWHERE: &str = "http://127.0.0.1:1/";

fn key_file(folder: &Path) -> PathBuf {
    folder.join("key-pair.json")
}

async fn open(folder: &Path, context: &StorageContext) -> Result<Embedded, Error> {
    let opened = embedded::open(folder, BUCKET, REGION, context).await;
    opened.map(|(objects, _endpoint)| objects)
}

async fn key_id(objects: &Embedded) -> String {
    let url = objects
        .presign_get(&key("a"), &DownloadOptions::default(), MINUTE)
        .await
        .unwrap()
        .url;
    let (_, rest) = url.split_once("X-Amz-Credential=").unwrap();
    rest.split_once("%2F").unwrap().0.to_owned()
}

#[tokio::test]
async fn a_generated_key_pair_is_private_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(ANYWHERE, false);
    let path = folder.path().join("not/yet/there");
    let first = open(&path, &context).await.unwrap();
    let made = fs::read(key_file(&path)).unwrap();
    let permissions = fs::metadata(key_file(&path)).unwrap().permissions();
    assert_eq!(permissions.mode() & 0o777, 0o600);
    let secret: serde_json::Value = serde_json::from_slice(&made).unwrap();
    let secret = secret["secret_access_key"].as_str().unwrap();
    assert_eq!(secret.len(), 64);
    assert!(!format!("{first:?}").contains(secret));

    let second = open(&path, &context).await.unwrap();
    assert_eq!(fs::read(key_file(&path)).unwrap(), made);
    assert_eq!(key_id(&first).await, key_id(&second).await);
    let other = tempfile::tempdir().unwrap();
    let other = open(other.path(), &context).await.unwrap();
    assert_ne!(key_id(&first).await, key_id(&other).await);
}

#[tokio::test]
async fn concurrent_starts_agree_on_one_key_pair() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let context = context(ANYWHERE, false);
        let starts = (0..8).map(|_| open(folder.path(), &context));
        let mut ids = Vec::new();
        for opened in futures_util::future::join_all(starts).await {
            ids.push(key_id(&opened.unwrap()).await);
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
    }
}

#[tokio::test]
async fn a_damaged_key_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(ANYWHERE, false);
    open(folder.path(), &context).await.unwrap();
    for damage in [
        "",
        "{",
        r#"{"access_key_id": "", "secret_access_key": "sesame"}"#,
    ] {
        fs::write(key_file(folder.path()), damage).unwrap();
        let error = open(folder.path(), &context).await.unwrap_err();
        let Error::Credentials(source) = error else {
            panic!("{error}")
        };
        let message = source.to_string();
        assert!(
            message.contains("key-pair.json") && message.contains("damaged"),
            "{message}"
        );
        assert!(!message.contains("sesame"), "{message}");
    }
}

#[tokio::test]
async fn a_key_pair_that_cannot_sign_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    for (id, secret) in [
        ("", "secret"),
        ("a/b", "secret"),
        ("id", ""),
        ("id", "secret\n"),
    ] {
        let mut context = context(ANYWHERE, false);
        context.embedded_key_pair = Some(KeyPair {
            access_key_id: id.to_owned(),
            secret_access_key: secret.into(),
        });
        let error = open(folder.path(), &context).await.unwrap_err();
        assert!(matches!(error, Error::Credentials(_)), "{id:?} {secret:?}");
    }
}

#[tokio::test]
async fn check_reports_problems_and_what_works() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(ANYWHERE, false);
    let objects = open(folder.path(), &context).await.unwrap();
    let origins = [ORIGIN.to_owned(), "https://other.example".to_owned()];
    let requirements = Requirements {
        origins: origins.to_vec(),
        ..Requirements::default()
    };
    let findings = objects.check(&requirements).await;
    let subjects: Vec<_> = findings
        .iter()
        .map(|it| (it.subject, it.state == State::Good))
        .collect();
    let expected = [
        ("bucket", true),
        ("credentials", true),
        ("clock", true),
        ("cors", true),
        ("cors", false),
    ];
    assert_eq!(subjects, expected, "{findings:?}");

    fs::set_permissions(key_file(folder.path()), fs::Permissions::from_mode(0o644)).unwrap();
    let findings = objects.check(&Requirements::default()).await;
    assert!(
        matches!(&findings[1].state, State::Warning { remedy } if remedy.contains("chmod 600"))
    );
}

#[test]
fn check_writable_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let good = |folder: &Path| embedded::check_writable(folder).state == State::Good;
    assert!(good(folder.path()));
    assert!(good(&folder.path().join("a/b")));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(!good(&file));
    assert!(!good(&file.join("below")));
    // Nobody may write here, root included.
    let finding = embedded::check_writable(Path::new("/proc/event-history"));
    let State::Wrong { remedy } = &finding.state else {
        panic!("{finding:?}")
    };
    assert!(finding.message.contains("/proc") && !remedy.is_empty());
}

#[tokio::test]
async fn ping_notices_that_the_folder_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("files");
    let objects = open(&path, &context(ANYWHERE, false)).await.unwrap();
    objects.ping().await.unwrap();
    fs::remove_dir_all(&path).unwrap();
    assert!(matches!(objects.ping().await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_folder_that_cannot_be_created_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open(&file, &context(ANYWHERE, false)).await.unwrap_err();
    let Error::Unavailable(source) = error else {
        panic!("{error}")
    };
    assert!(source.to_string().contains("file"), "{source}");
}
