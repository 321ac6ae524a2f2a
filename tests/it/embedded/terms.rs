//! What an upload URL was signed with is what comes up, or nothing does: over raw HTTP, where no
//! client corrects a length.

use event_history::domain::{ContentType, FileName, FileSha256};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// Sends this and nothing else, closes the sending side where more would have to come, and returns the status and the answer.
async fn raw_put(
    endpoint: &Endpoint,
    url: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> (u16, String) {
    let target = url
        .strip_prefix(endpoint.url.trim_end_matches('/'))
        .unwrap();
    let mut head = format!("PUT {target} HTTP/1.1\r\nHost: {}\r\n", endpoint.address());
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let mut stream = TcpStream::connect(endpoint.address()).await.unwrap();
    stream
        .write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    stream.write_all(body).await.unwrap();
    let said = headers.iter().find(|(name, _)| name == "content-length");
    let said: Option<usize> = said.and_then(|(_, length)| length.parse().ok());
    if said.is_some_and(|said| said > body.len()) {
        stream.shutdown().await.unwrap();
    }
    let mut answer = Vec::new();
    // Reset where we were still sending: then there is no answer, which is none of success either.
    let _ = tokio::time::timeout(MINUTE, stream.read_to_end(&mut answer))
        .await
        .unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    (status.unwrap_or_default(), answer)
}

#[tokio::test]
async fn an_upload_matches_what_was_signed_or_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let file = noise(11, 100_000);
    let terms = UploadConstraints {
        content_type: Some(ContentType::parse("application/pdf").unwrap()),
        size_bytes: Some(100_000),
        sha256: Some(FileSha256::new(Sha256::digest(&file).into())),
        file_name: Some(FileName::parse("Über 1.pdf").unwrap()),
        once: false,
    };
    let key = key("alx_demo");
    let signed = endpoint
        .objects
        .presign_put(&key, &terms, MINUTE)
        .await
        .unwrap();
    assert_eq!(signed.headers.len(), 5);
    let with = |name: &str, value: Option<&str>| {
        let mut headers = signed.headers.clone();
        headers.retain(|(found, _)| found != name);
        headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        headers
    };
    let mut cases = Vec::new();
    for (name, _) in &signed.headers {
        cases.push((format!("no {name}"), with(name, None), file.clone(), 0));
    }
    let other_sha256 = FileSha256::new([9; 32]);
    for (name, value) in [
        ("content-length", "99999"),
        ("content-length", "100001"),
        ("content-type", "text/html"),
        ("x-amz-checksum-sha256", &other_sha256.to_base64()),
        ("x-amz-meta-sha256", &other_sha256.to_string()),
        ("x-amz-meta-file-name", "other.pdf"),
        ("x-amz-meta-more", "1"),
    ] {
        let mut body = file.clone();
        body.push(0);
        cases.push((
            format!("{name}: {value}"),
            with(name, Some(value)),
            body,
            403,
        ));
    }
    let mut changed = file.clone();
    changed[50_000] ^= 1;
    cases.push(("one bit".to_owned(), signed.headers.clone(), changed, 400));
    let short = file[..99_999].to_vec();
    cases.push(("one byte less".to_owned(), signed.headers.clone(), short, 0));
    for (what, headers, body, status) in cases {
        let (found, answer) = raw_put(&endpoint, &signed.url, &headers, &body).await;
        assert!(
            found == status || (status == 0 && found != 200),
            "{what}: {answer}"
        );
        assert_eq!((endpoint.kept(), endpoint.uploads()), (0, 0), "{what}");
    }

    let (status, answer) = raw_put(&endpoint, &signed.url, &signed.headers, &file).await;
    assert_eq!(status, 200, "{answer}");
    let info = endpoint.objects.head(&key, None).await.unwrap().unwrap();
    assert_eq!(info.size_bytes, 100_000);
    assert_eq!(
        (info.sha256, info.declared_sha256),
        (terms.sha256, terms.sha256)
    );
    assert_eq!(
        (info.content_type, info.file_name),
        (terms.content_type, terms.file_name)
    );
    assert!(info.modified_at.is_some() && info.version_id.is_none());
}

#[tokio::test]
async fn an_object_has_one_version_called_null() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    endpoint.put(&key, "hello").await;
    for (version_id, status) in [("null", 200), ("3HL4kqtJvjVBH40Nrjfkd", 404)] {
        let found = endpoint.objects.head(&key, Some(version_id)).await.unwrap();
        assert_eq!(found.is_some(), status == 200);
        let terms = DownloadOptions {
            version_id: Some(version_id.to_owned()),
            ..DownloadOptions::default()
        };
        let url = endpoint
            .objects
            .presign_get(&key, &terms, MINUTE)
            .await
            .unwrap()
            .url;
        assert_eq!(send(Method::GET, &url, &[]).await.status(), status);
    }
}

#[tokio::test]
async fn a_download_has_the_signed_headers() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    endpoint.put(&key, "hello").await;
    let disposition = FileName::parse("Über \"1\".pdf")
        .unwrap()
        .disposition("inline");
    let terms = DownloadOptions {
        content_type: Some("application/pdf".to_owned()),
        content_disposition: Some(disposition.clone()),
        ..DownloadOptions::default()
    };
    let url = endpoint
        .objects
        .presign_get(&key, &terms, MINUTE)
        .await
        .unwrap()
        .url;
    let answer = send(Method::GET, &url, &[]).await;
    let headers = answer.headers();
    assert_eq!(headers["content-type"], "application/pdf");
    assert_eq!(headers["content-disposition"], disposition);
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["content-security-policy"], "sandbox");
    let changed = url.replace(
        "response-content-type=application%2Fpdf",
        "response-content-type=text%2Fhtml",
    );
    assert_ne!(changed, url);
    assert_eq!(send(Method::GET, &changed, &[]).await.status(), 403);
}

/// What happens to the folder behind the service's back is seen as it is.
#[tokio::test]
async fn no_state_of_an_object_is_cached() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let [one, other] = [key("alx_demo"), key("alx_demo")];
    let paths = |key: &ObjectKey| {
        let hash = hex::encode(Sha256::digest(key.to_string()));
        folder.path().join("objects").join(&hash[..2]).join(hash)
    };
    endpoint.put(&one, "one").await;
    endpoint.put(&other, "other").await;
    fs::copy(paths(&other), paths(&one)).unwrap();
    assert!(endpoint.objects.head(&one, None).await.is_err());
    assert_eq!(endpoint.get(&one).await.status(), 500);
    fs::remove_file(paths(&one)).unwrap();
    assert_eq!(endpoint.objects.head(&one, None).await.unwrap(), None);
    assert_eq!(endpoint.get(&one).await.status(), 404);
}
