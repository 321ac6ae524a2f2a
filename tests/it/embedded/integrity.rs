//! An object exists completely or not at all, whatever the client or the disk does.

use std::process::Command;

use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::*;

#[tokio::test]
async fn concurrent_uploads_leave_one_complete_object() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let url = endpoint.put_url(&key).await;
    let bodies: Vec<_> = (0..16).map(|seed| noise(seed * 2 + 1, 1_000_000)).collect();
    let answers = join_all(bodies.iter().map(|body| put(&url, body.clone(), &[]))).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    let left = endpoint.get(&key).await.bytes().await.unwrap();
    assert!(bodies.iter().any(|body| left == body), "a mixture");
    assert_eq!((endpoint.kept(), endpoint.uploads()), (1, 0));
}

#[tokio::test]
async fn if_none_match_lets_one_of_many_win() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    for _ in 0..5 {
        let key = key("alx_demo");
        let url = endpoint.put_url(&key).await;
        let bodies: Vec<_> = (0..16).map(|seed| noise(seed * 2 + 1, 100_000)).collect();
        let once = [("if-none-match", "*")];
        let answers = join_all(bodies.iter().map(|body| put(&url, body.clone(), &once))).await;
        let mut winners = Vec::new();
        for (answer, body) in answers.into_iter().zip(&bodies) {
            if answer.status() == 200 {
                winners.push(body);
            } else {
                assert_eq!(refusal(answer).await.1, "PreconditionFailed");
            }
        }
        assert_eq!(winners.len(), 1);
        let left = endpoint.get(&key).await.bytes().await.unwrap();
        assert!(left == *winners[0]);
    }
    assert_eq!((endpoint.kept(), endpoint.uploads()), (5, 0));
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    for replaces in [false, true] {
        let url = endpoint.put_url(&key).await;
        let target = url
            .strip_prefix(endpoint.url.trim_end_matches('/'))
            .unwrap();
        let host = endpoint.address();
        let head =
            format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000\r\n\r\n");
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&noise(1, 600_000)).await.unwrap();
        wait_until("the upload is under way", || endpoint.uploads() == 1).await;
        // What is there stays visible meanwhile, and nothing else.
        let status = endpoint.get(&key).await.status();
        assert_eq!(status, if replaces { 200 } else { 404 });
        drop(stream);
        wait_until("the upload is gone", || endpoint.uploads() == 0).await;
        let answer = endpoint.get(&key).await;
        if replaces {
            assert_eq!(answer.text().await.unwrap(), "before");
        } else {
            assert_eq!(refusal(answer).await.1, "NoSuchKey");
            assert_eq!(endpoint.kept(), 0);
        }
        assert_eq!(endpoint.put(&key, "before").await.status(), 200);
    }
}

#[tokio::test]
async fn a_wrong_checksum_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    // Of "hello", by openssl, rhash and the AWS command line.
    let right = [
        ("content-md5", "XUFAKrxLKna5cZ2REBfFkg==", "BadDigest"),
        ("x-amz-checksum-crc32", "NhCmhg==", "BadDigest"),
        ("x-amz-checksum-crc32c", "mnG7TA==", "BadDigest"),
        (
            "x-amz-checksum-sha1",
            "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
            "BadDigest",
        ),
        (
            "x-amz-checksum-sha256",
            "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
            "BadDigest",
        ),
        (
            "x-amz-content-sha256",
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "XAmzContentSHA256Mismatch",
        ),
    ];
    let key = key("alx_demo");
    let url = endpoint.put_url(&key).await;
    for (name, checksum, code) in right {
        for wrong in ["hellO", "hello ", ""] {
            let answer = put(&url, wrong.into(), &[(name, checksum)]).await;
            let expected = (StatusCode::BAD_REQUEST, code.to_owned());
            assert_eq!(refusal(answer).await, expected, "{name} of {wrong:?}");
            assert_eq!((endpoint.kept(), endpoint.uploads()), (0, 0), "{name}");
        }
    }
    for (name, checksum, _) in right {
        let answer = put(&url, b"hello".to_vec(), &[(name, checksum)]).await;
        assert_eq!(answer.status(), 200, "{name}");
    }
    let answer = put(&url, b"hello".to_vec(), &[("content-md5", "no base64")]).await;
    assert_eq!(refusal(answer).await.1, "InvalidDigest");
}

#[tokio::test]
async fn a_start_removes_only_what_a_crash_left() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    endpoint.put(&key, "hello").await;
    drop(endpoint);
    let uploads = folder.path().join("uploads");
    let [left, written] = [
        "4f0c6f0e-1111-4222-8333-444455556666",
        "4f0c6f0e-1111-4222-8333-444455556667",
    ]
    .map(|name| uploads.join(name));
    fs::write(left, "half").unwrap();
    // As another process would hold it.
    let file = fs::File::create(&written).unwrap();
    file.lock().unwrap();

    let endpoint = Endpoint::start(folder.path()).await;
    assert_eq!(endpoint.uploads(), 1);
    assert!(written.exists());
    assert_eq!(endpoint.get(&key).await.text().await.unwrap(), "hello");
    drop(file);
    drop(endpoint);
    let endpoint = Endpoint::start(folder.path()).await;
    assert_eq!(endpoint.uploads(), 0);
}

#[tokio::test]
async fn a_damaged_object_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    endpoint.put(&key, "hello").await;
    let shards = fs::read_dir(folder.path().join("objects")).unwrap();
    let mut files = shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap());
    let path = files.next().unwrap().unwrap().path();
    let whole = fs::read(&path).unwrap();
    assert!(whole.starts_with(b"hello{"));
    for damage in 5..whole.len() {
        let mut damaged = whole.clone();
        damaged[damage] ^= 1;
        fs::write(&path, damaged).unwrap();
        assert!(endpoint.objects.head(&key, None).await.is_err(), "{damage}");
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(endpoint.objects.head(&key, None).await.is_err(), "{length}");
    }
    let answer = endpoint.get(&key).await;
    let expected = (
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalError".to_owned(),
    );
    assert_eq!(refusal(answer).await, expected);
}

/// A disk that takes no more is played by a limit on file sizes, which only a process of its own can
/// have: it runs the test below.
#[test]
fn a_full_disk_is_a_503_and_leaves_nothing() {
    let child = Command::new("/bin/sh")
        // The signal of this limit would end the process where a full disk would not.
        .args(["-c", r#"trap "" XFSZ; ulimit -f 2048; exec "$@""#, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "embedded::integrity::on_a_full_disk",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{output}");
    assert!(output.contains("1 passed"), "{output}");
}

#[tokio::test]
#[ignore = "run by a_full_disk_is_a_503_and_leaves_nothing, in a process with a limit on file sizes"]
async fn on_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    assert_eq!(endpoint.put(&key, "before").await.status(), 200);
    let answer = endpoint.put(&key, noise(1, 8_000_000)).await;
    assert_eq!(answer.headers()["retry-after"], "1");
    let expected = (StatusCode::SERVICE_UNAVAILABLE, "SlowDown".to_owned());
    assert_eq!(refusal(answer).await, expected);
    assert_eq!((endpoint.kept(), endpoint.uploads()), (1, 0));
    assert_eq!(endpoint.get(&key).await.text().await.unwrap(), "before");
    assert_eq!(endpoint.put(&key, "after").await.status(), 200);
}
