//! Uploads in parts that end in a power cut: an acknowledged part is there, and an object is whole.

use std::fs;
use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use rusty_s3::actions::{CompleteMultipartUpload, CreateMultipartUpload, ListParts};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use url::Url;

use crate::support::{self, Server};

const WRITERS: usize = 8;
/// The sizes of an upload's parts: the last may be small, so most uploads are quick, and kills come
/// close to many completions.
const QUICK: &[usize] = &[30_000];
const LONG: &[usize] = &[5 * 1024 * 1024, 1000];
const LONG_EVERY: usize = 8;
/// The longest time under load before the kill, and the shortest.
const LOAD_MS: std::ops::Range<u64> = 300..2_000;
const LIFE: Duration = Duration::from_mins(10);

/// An upload, and how far it came.
#[derive(Debug)]
struct Upload {
    key: String,
    id: String,
    sha256: String,
    parts: usize,
    /// The entity tags of the acknowledged parts.
    tags: Vec<String>,
    completed: bool,
}

struct Client {
    http: reqwest::Client,
    bucket: Bucket,
    credentials: Credentials,
}

impl Client {
    fn new(server: &Server) -> Self {
        let storage = server.embedded_storage();
        let endpoint = storage.endpoint.parse().expect("a URL");
        let bucket = Bucket::new(endpoint, UrlStyle::Path, storage.bucket, storage.region);
        Self {
            http: server.client().clone(),
            bucket: bucket.expect("a bucket"),
            credentials: Credentials::new(storage.access_key_id, storage.secret_access_key),
        }
    }

    /// Returns the body of the answer to a POST; `None` if the server is gone.
    async fn post(&self, url: Url, body: String) -> Option<(StatusCode, String)> {
        let request = self.http.post(url).header("content-length", body.len());
        let answer = request.body(body).send().await.ok()?;
        Some((answer.status(), answer.text().await.ok()?))
    }

    async fn complete(&self, upload: &Upload) -> Option<StatusCode> {
        let tags = upload.tags.iter().map(String::as_str);
        let (credentials, Upload { key, id, .. }) = (Some(&self.credentials), upload);
        let action = CompleteMultipartUpload::new(&self.bucket, credentials, key, id, tags);
        let (url, body) = (action.sign(LIFE), action.body());
        let (status, answer) = self.post(url, body).await?;
        assert!(
            status == StatusCode::OK || status == StatusCode::NOT_FOUND,
            "{status}: {answer}"
        );
        Some(status)
    }

    async fn sha256(&self, upload: &Upload) -> Option<String> {
        let action = self.bucket.get_object(Some(&self.credentials), &upload.key);
        let answer = self
            .http
            .get(action.sign(LIFE))
            .send()
            .await
            .expect("an answer");
        if answer.status() == StatusCode::NOT_FOUND {
            return None;
        }
        assert_eq!(answer.status(), StatusCode::OK);
        let body = answer.bytes().await.expect("a whole body");
        Some(support::sha256_hex(&body))
    }

    async fn tags(&self, upload: &Upload) -> Option<Vec<String>> {
        let action = ListParts::new(
            &self.bucket,
            Some(&self.credentials),
            &upload.key,
            &upload.id,
        );
        let answer = self
            .http
            .get(action.sign(LIFE))
            .send()
            .await
            .expect("an answer");
        let text = answer.text().await.expect("a body");
        let parts = ListParts::parse_response(&text).ok()?.parts;
        Some(parts.into_iter().map(|part| part.etag).collect())
    }

    /// Uploads until the server is gone.
    async fn write(&self, writer: usize) -> Vec<Upload> {
        let mut uploads = Vec::new();
        loop {
            let random = support::random_bytes(16).try_into().expect("16 bytes");
            let file_id = uuid::Builder::from_random_bytes(random).into_uuid();
            let key = format!("crash_parts_{writer}/{file_id}");
            let create = CreateMultipartUpload::new(&self.bucket, Some(&self.credentials), &key);
            let Some((_, answer)) = self.post(create.sign(LIFE), String::new()).await else {
                return uploads;
            };
            let created = CreateMultipartUpload::parse_response(&answer).expect("an upload id");
            let is_long = uploads.len() % LONG_EVERY == LONG_EVERY - 1;
            let sizes = if is_long { LONG } else { QUICK };
            let parts: Vec<_> = sizes
                .iter()
                .map(|size| support::random_bytes(*size))
                .collect();
            uploads.push(Upload {
                key,
                id: created.upload_id().to_owned(),
                sha256: support::sha256_hex(parts.concat()),
                parts: parts.len(),
                tags: Vec::new(),
                completed: false,
            });
            let upload = uploads.last_mut().expect("the one just pushed");
            if self.send(upload, parts).await.is_none() {
                return uploads;
            }
        }
    }

    async fn send(&self, upload: &mut Upload, parts: Vec<Vec<u8>>) -> Option<()> {
        for (number, part) in (1..).zip(parts) {
            let (key, id) = (&upload.key, &upload.id);
            let action = self
                .bucket
                .upload_part(Some(&self.credentials), key, number, id);
            let answer = self
                .http
                .put(action.sign(LIFE))
                .body(part)
                .send()
                .await
                .ok()?;
            assert_eq!(answer.status(), StatusCode::OK);
            let etag = answer.headers()["etag"].to_str().expect("an entity tag");
            upload.tags.push(etag.to_owned());
        }
        let status = self.complete(upload).await?;
        upload.completed = status == StatusCode::OK;
        Some(())
    }

    /// Holds that what was acknowledged is there, and brings to an end what was not.
    async fn assert_kept(&self, upload: &Upload) {
        let found = self.sha256(upload).await;
        if upload.completed || found.is_some() {
            assert_eq!(found.as_ref(), Some(&upload.sha256), "{upload:?}");
            return;
        }
        let tags = self.tags(upload).await;
        let tags = tags.unwrap_or_else(|| panic!("neither an upload nor an object: {upload:?}"));
        // The last one may have come through without an answer.
        assert!(tags.starts_with(&upload.tags), "{tags:?} of {upload:?}");
        if upload.tags.len() == upload.parts {
            assert_eq!(self.complete(upload).await, Some(StatusCode::OK));
            assert_eq!(self.sha256(upload).await.as_ref(), Some(&upload.sha256));
        }
    }
}

#[tokio::test]
async fn parts_survive_a_kill() {
    let rounds = support::number_from_environment("EVENT_HISTORY_TEST_ROUNDS", 3);
    let mut server = Server::start();
    let mut completed = 0;
    let mut uploads = Vec::new();
    for round in 1..=rounds {
        let load_ms = LOAD_MS.start + support::random_below(LOAD_MS.end - LOAD_MS.start);
        let client = Client::new(&server);
        let writers = join_all((0..WRITERS).map(|writer| client.write(writer)));
        let killer = async {
            tokio::time::sleep(Duration::from_millis(load_ms)).await;
            server.kill();
        };
        let (written, ()) = tokio::join!(writers, killer);
        server.start_again();
        let client = Client::new(&server);
        let new: Vec<_> = written.into_iter().flatten().collect();
        for upload in &new {
            client.assert_kept(upload).await;
        }
        completed += new.iter().filter(|upload| upload.completed).count();
        println!(
            "round {round}: killed after {load_ms} ms; {} uploads",
            new.len()
        );
        uploads.extend(new);
    }
    assert!(completed > 0, "no upload came through");
    let writing = server.folder().join("data/files/uploads");
    let left = fs::read_dir(&writing)
        .expect("the folder of uploads")
        .count();
    assert_eq!(left, 0, "the start has left what was being written");
    println!(
        "{completed} of {} uploads acknowledged whole",
        uploads.len()
    );
}
