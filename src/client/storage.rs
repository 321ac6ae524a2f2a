//! Requests to object storage, with presigned URLs. Each makes one attempt.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_LENGTH, ETAG};
use reqwest::redirect::Policy;
use reqwest::{Body, Response};

use super::Error;
use super::progress::Progress;
use super::upload_body::{self, FileRange};

const STORAGE: &str = "storage";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time without progress in a transfer: storage may sync gigabytes.
const STALL_TIMEOUT: Duration = Duration::from_mins(2);

/// Bytes of an error document that are read. Documents are usually under 1 KiB.
const MAX_ERROR_BYTES: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Storage {
    http: reqwest::Client,
}

impl Storage {
    pub(super) fn new() -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A signature is only valid for one host and path.
            .redirect(Policy::none())
            .build()
            .map_err(|error| Error::unreachable(STORAGE, error))?;
        Ok(Self { http })
    }

    /// Sends a range of a file, and returns the `ETag` of the answer without quotes.
    pub(super) async fn put(
        &self,
        url: &str,
        headers: &[(String, String)],
        path: &Path,
        range: FileRange,
        progress: &Progress,
    ) -> Result<String, Error> {
        let attempt = progress.attempt();
        let body = upload_body::stream(path, range, attempt.counter()).await?;
        let mut request = self.http.put(url);
        for (name, value) in headers.iter().filter(|(name, _)| name != "content-length") {
            request = request.header(name, value);
        }
        // With a length, a body that is cut short is not accepted.
        let request = request.header(CONTENT_LENGTH, range.bytes);
        let sending = request.body(Body::wrap_stream(body)).send();
        let answer = tokio::select! {
            answer = sending => answer,
            () = stalled(&attempt.own) => return Err(Error::Unreachable {
                server: STORAGE,
                cause: "it accepted no more bytes".into(),
            }),
        };
        let answer = answer.map_err(|error| {
            if upload_body::is_file_changed(&error) {
                return Error::FileChanged(path.to_owned());
            }
            Error::unreachable(STORAGE, error)
        })?;
        let answer = accepted(answer).await?;
        let etag = answer.headers().get(ETAG).and_then(|it| it.to_str().ok());
        let etag = etag.unwrap_or_default().trim_matches('"').to_owned();
        attempt.succeed();
        Ok(etag)
    }

    pub(super) async fn get(&self, url: &str) -> Result<Response, Error> {
        let sending = tokio::time::timeout(STALL_TIMEOUT, self.http.get(url).send());
        let answer = sending.await.map_err(|_| stopped_sending())?;
        accepted(answer.map_err(|error| Error::unreachable(STORAGE, error))?).await
    }
}

/// Returns the next bytes of an answer.
pub(super) async fn chunk(answer: &mut Response) -> Result<Option<bytes::Bytes>, Error> {
    let reading = tokio::time::timeout(STALL_TIMEOUT, answer.chunk());
    let chunk = reading.await.map_err(|_| stopped_sending())?;
    chunk.map_err(|error| Error::unreachable(STORAGE, error))
}

/// Returns once nothing was counted for [`STALL_TIMEOUT`]. (A timeout of the HTTP client would apply to the answer, which
/// arrives only after everything was sent.)
async fn stalled(counted: &Arc<AtomicU64>) {
    let mut before = counted.load(Ordering::Relaxed);
    let mut pause = pin!(tokio::time::sleep(STALL_TIMEOUT));
    loop {
        pause.as_mut().await;
        let now = counted.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
        pause.set(tokio::time::sleep(STALL_TIMEOUT));
    }
}

fn stopped_sending() -> Error {
    Error::Unreachable {
        server: STORAGE,
        cause: "it stopped sending".into(),
    }
}

async fn accepted(answer: Response) -> Result<Response, Error> {
    let status = answer.status();
    if status == StatusCode::OK {
        return Ok(answer);
    }
    let code = error_code(answer).await.unwrap_or_default();
    Err(Error::Storage { status, code })
}

/// Returns S3's error code. The rest of the document is not shown because it quotes parts of the signed request.
async fn error_code(mut answer: Response) -> Option<String> {
    let mut document = Vec::new();
    while document.len() < MAX_ERROR_BYTES
        && let Some(chunk) = chunk(&mut answer).await.ok()?
    {
        document.extend_from_slice(&chunk);
    }
    let document = String::from_utf8_lossy(&document);
    let code = document.split_once("<Code>")?.1.split_once("</Code>")?.0;
    let is_word = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then(|| code.to_owned())
}
