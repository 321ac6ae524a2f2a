//! The guarantees of a presigned URL: one operation, for a limited time, whole or not at all.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use http::Method;
use url::Url;

use super::{Client, FILE_BYTES, Stage};
use crate::support;

/// The longest that a URL of those two lives, and a second for the clocks' rounding.
const PAST_SHORT_LIFE: Duration = Duration::from_millis(2_500);

pub(super) async fn a_url_permits_one_thing(stage: &Stage) {
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

pub(super) async fn an_upload_url_expires(stage: &Stage) {
    let upload = stage.server.upload_url(&stage.tenant).await;
    tokio::time::sleep(PAST_SHORT_LIFE).await;
    let request = stage.server.client().put(&upload.url).body("too late");
    let status = request.send().await.expect("an answer").status();
    assert!(status.is_client_error(), "{status}");
    stage.assert_invisible(&upload.file_id).await;
}

pub(super) async fn a_download_url_expires(stage: &Stage) {
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

pub(super) async fn racing_uploads_leave_one_whole_object(stage: &Stage) {
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

pub(super) async fn an_aborted_upload_leaves_nothing(stage: &Stage) {
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
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
}

pub(super) async fn an_empty_file_is_a_file(stage: &Stage) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let empty = folder.path().join("empty");
    std::fs::write(&empty, b"").expect("a writable folder");
    let upload = stage.server.upload_url(&stage.tenant).await;
    Client::Curl.by_url("put-url", &upload.url, &empty, folder.path());
    assert!(stage.download(&upload.file_id).await.is_empty());
}
