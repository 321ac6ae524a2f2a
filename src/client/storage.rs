//! Requests to storage, by presigned URLs: one attempt each.

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
use super::body::{self, Piece};
use super::progress::Progress;

const WHOM: &str = "storage";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long storage may be silent, or take nothing, while a file moves: it may sync gigabytes.
const SILENCE_TIMEOUT: Duration = Duration::from_mins(2);

/// How much of a refusal is read: error documents are under 1 KiB.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Storage {
    http: reqwest::Client,
    pub(super) patience: Duration,
}

impl Storage {
    pub(super) fn new(patience: Duration) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A signature holds for one host and path alone.
            .redirect(Policy::none())
            .build()
            .map_err(|error| Error::unreachable(WHOM, error))?;
        Ok(Self { http, patience })
    }

    /// Sends a piece of a file, and returns the `ETag` of the answer without its quotes.
    pub(super) async fn put(
        &self,
        url: &str,
        headers: &[(String, String)],
        path: &Path,
        piece: Piece,
        progress: &Progress,
    ) -> Result<String, Error> {
        let attempt = progress.attempt();
        let body = body::stream(path, piece, attempt.counter()).await?;
        let mut request = self.http.put(url);
        for (name, value) in headers.iter().filter(|(name, _)| name != "content-length") {
            request = request.header(name, value);
        }
        // With its length said, a body that is cut short is no upload.
        let request = request.header(CONTENT_LENGTH, piece.bytes);
        let sending = request.body(Body::wrap_stream(body)).send();
        let answer = tokio::select! {
            answer = sending => answer,
            () = stalled(&attempt.own) => return Err(Error::Unreachable {
                whom: WHOM,
                cause: "it took no more bytes".into(),
            }),
        };
        let answer = answer.map_err(|error| {
            if body::is_changed(&error) {
                return Error::ChangedMeanwhile(path.to_owned());
            }
            Error::unreachable(WHOM, error)
        })?;
        let answer = accepted(answer).await?;
        let etag = answer.headers().get(ETAG).and_then(|it| it.to_str().ok());
        let etag = etag.unwrap_or_default().trim_matches('"').to_owned();
        attempt.keep();
        Ok(etag)
    }

    pub(super) async fn get(&self, url: &str) -> Result<Response, Error> {
        let sending = tokio::time::timeout(SILENCE_TIMEOUT, self.http.get(url).send());
        let answer = sending.await.map_err(|_| silent())?;
        accepted(answer.map_err(|error| Error::unreachable(WHOM, error))?).await
    }
}

/// Returns the next bytes of an answer.
pub(super) async fn chunk(answer: &mut Response) -> Result<Option<bytes::Bytes>, Error> {
    let reading = tokio::time::timeout(SILENCE_TIMEOUT, answer.chunk());
    let chunk = reading.await.map_err(|_| silent())?;
    chunk.map_err(|error| Error::unreachable(WHOM, error))
}

/// Returns once nothing was counted for [`SILENCE_TIMEOUT`]. (A timeout of the HTTP client's would be
/// for the answer, which only comes when everything was sent.)
async fn stalled(counted: &Arc<AtomicU64>) {
    let mut before = counted.load(Ordering::Relaxed);
    let mut pause = pin!(tokio::time::sleep(SILENCE_TIMEOUT));
    loop {
        pause.as_mut().await;
        let now = counted.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
        pause.set(tokio::time::sleep(SILENCE_TIMEOUT));
    }
}

fn silent() -> Error {
    Error::Unreachable {
        whom: WHOM,
        cause: "it fell silent".into(),
    }
}

async fn accepted(answer: Response) -> Result<Response, Error> {
    let status = answer.status();
    if status == StatusCode::OK {
        return Ok(answer);
    }
    let code = refusal_code(answer).await.unwrap_or_default();
    Err(Error::Storage { status, code })
}

/// Returns S3's word for why it refuses. Of the rest of the document nothing is shown: it quotes parts
/// of the signed request.
async fn refusal_code(mut answer: Response) -> Option<String> {
    let mut document = Vec::new();
    while document.len() < MAX_REFUSAL_BYTES
        && let Some(chunk) = chunk(&mut answer).await.ok()?
    {
        document.extend_from_slice(&chunk);
    }
    let document = String::from_utf8_lossy(&document);
    let code = document.split_once("<Code>")?.1.split_once("</Code>")?.0;
    let is_word = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then(|| code.to_owned())
}
