//! Damage on disk is reported, affects nothing else, and is never reported as temporary.

use std::os::unix::fs::FileExt;

use event_history::domain::finding::State;
use event_history::objects::{Error, Requirements};
use serde_json::json;

use super::parts::{begin, make, tag};
use super::*;
use crate::support::{Server, event, event_with_file, expect, expect_json};

/// The files of all objects.
fn objects(folder: &Path) -> Vec<PathBuf> {
    let shards = fs::read_dir(folder.join("objects")).unwrap();
    let files = shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

#[tokio::test]
async fn a_damaged_upload_does_not_prevent_a_start() {
    let mut server = Server::start();
    let tenant = server.create_tenant("demo").await;
    let upload = server.upload_url(&tenant).await;
    expect(
        server.client().put(&upload.url).body("hello"),
        StatusCode::OK,
    )
    .await;
    let body = json!({"content_length": 10});
    let mut uploads = Vec::new();
    for _ in 0..6 {
        let request = server.request_as(&tenant, Method::POST, "/api/files/multipart");
        let answer = expect_json(request.json(&body), StatusCode::CREATED).await;
        uploads.push(answer);
    }
    let files = server.folder().join("data/files");
    let multipart = files.join("multipart");
    let folder_of = |index: usize| multipart.join(uploads[index]["upload_id"].as_str().unwrap());
    let lock_of = |index: usize| folder_of(index).join("upload.json");
    server.kill();
    let whole = fs::read(lock_of(0)).unwrap();
    fs::write(lock_of(0), &whole[..whole.len() / 2]).unwrap();
    fs::write(lock_of(1), "").unwrap();
    fs::write(lock_of(2), noise(1, 1000)).unwrap();
    fs::rename(lock_of(3), folder_of(3).join("00001")).unwrap();
    fs::remove_file(lock_of(4)).unwrap();
    fs::create_dir(lock_of(4)).unwrap();
    // A foreign entry in a folder of the storage.
    let strays = [
        "multipart/notes.txt",
        "parts/notes.txt",
        "uploads/notes.txt",
    ];
    for stray in strays {
        fs::write(files.join(stray), "x").unwrap();
    }
    fs::create_dir(files.join("uploads/a-folder")).unwrap();

    server.start_again();
    let detail = event_with_file(&upload.file_id);
    server.deliver(&tenant, &detail).await;
    let this = json!({"upload_id": uploads[5]["upload_id"]});
    let file_id = uploads[5]["file_id"].as_str().unwrap();
    let target = format!("/api/files/multipart/{file_id}/parts");
    let request = server
        .request_as(&tenant, Method::POST, &target)
        .json(&this);
    expect(request, StatusCode::OK).await;
    let log = server.process().stderr();
    for (index, upload) in uploads[..5].iter().enumerate() {
        let name = upload["upload_id"].as_str().unwrap();
        assert!(files.join("quarantine").join(name).exists(), "{index}");
        assert!(!folder_of(index).exists(), "{index}");
        assert!(log.contains(name), "{index}: {log}");
    }
    for stray in strays {
        assert!(
            files.join(stray).exists() && log.contains(stray),
            "{stray}: {log}"
        );
    }

    let context = context("http://x/", true);
    let opened = embedded::open(&files, BUCKET, REGION, &context);
    let findings = opened
        .await
        .unwrap()
        .0
        .check(&Requirements::default())
        .await;
    let finding = findings.iter().find(|it| it.subject == "damage").unwrap();
    assert!(matches!(finding.state, State::Warning { .. }));
    assert!(finding.message.contains("quarantine': 5"), "{finding:?}");
}

#[tokio::test]
async fn parts_that_may_belong_to_an_object_stay() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let [lost, torn] = [key("alx_demo"), key("alx_demo")];
    make(&endpoint, &lost, 1).await;
    let parts = folder.path().join("parts");
    let first = fs::read_dir(&parts)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let whole = make(&endpoint, &torn, 2).await;
    drop(endpoint);
    // Of one object the lock is gone, and of the other the object's own file is damaged.
    fs::remove_file(first.join("upload.json")).unwrap();
    let files = objects(folder.path());
    let is_torn = |path: &&PathBuf| {
        let text = fs::read(path).unwrap();
        String::from_utf8_lossy(&text).contains(&torn.to_string())
    };
    let path = files.iter().find(is_torn).unwrap();
    let object = fs::read(path).unwrap();
    fs::write(path, &object[1..]).unwrap();

    let endpoint = Endpoint::start(folder.path()).await;
    // The sweep continues after the start, and checks this upload last.
    let third = key("alx_demo");
    let id = begin(&endpoint, &third).await;
    tag(&endpoint, &third, &id, 1, vec![1]).await;
    endpoint.objects.abort_multipart(&third, &id).await.unwrap();
    drop(endpoint);
    let endpoint = Endpoint::start(folder.path()).await;
    assert_eq!(endpoint.in_parts(), (0, 2));
    fs::write(path, object).unwrap();
    assert!(endpoint.get(&torn).await.bytes().await.unwrap() == whole);
    let answer = endpoint.objects.head(&lost, None).await;
    assert!(matches!(answer, Err(Error::Damaged(_))), "{answer:?}");
}

#[tokio::test]
async fn an_event_that_references_a_damaged_file_is_a_500() {
    let server = Server::start();
    let [tenant, other] = [
        server.create_tenant("demo").await,
        server.create_tenant("other").await,
    ];
    let upload = server.upload_url(&tenant).await;
    expect(
        server.client().put(&upload.url).body("hello"),
        StatusCode::OK,
    )
    .await;
    let before = server.download_url(&tenant, &upload.file_id).await;
    let files = objects(&server.folder().join("data/files"));
    let [path] = &files[..] else {
        panic!("{files:?}")
    };
    let whole = fs::read(path).unwrap();
    for (what, at) in [("content length", 12), ("magic", 8), ("meta", 100)] {
        let file = fs::File::options().write(true).open(path).unwrap();
        let at = whole.len() - at;
        file.write_all_at(&[whole[at] ^ 1], at as u64).unwrap();
        let delivery = server.delivery(&tenant, &event_with_file(&upload.file_id));
        expect(delivery, StatusCode::INTERNAL_SERVER_ERROR).await;
        let refused = refusal(server.client().get(&before).send().await.unwrap()).await;
        let expected = (
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError".to_owned(),
        );
        assert_eq!(refused, expected, "{what}");
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
    fs::write(path, &whole[..whole.len() - 1]).unwrap();
    let delivery = server.delivery(&tenant, &event_with_file(&upload.file_id));
    expect(delivery, StatusCode::INTERNAL_SERVER_ERROR).await;
    let key = format!("demo/{}", upload.file_id);
    let is_named = |line: &&str| line.contains(&key) && line.contains(path.to_str().unwrap());
    // Both the events' and the downloads'.
    wait_until("all of it is named in the log", || {
        server.process().stderr().lines().filter(is_named).count() == 7
    })
    .await;
    server.deliver(&other, &event()).await;
}
