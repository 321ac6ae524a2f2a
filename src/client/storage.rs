//! Requests to object storage, with presigned URLs. Each makes one attempt.

use std::path::Path;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, ETAG};
use reqwest::Response;

use super::Error;
use super::progress::Progress;
use super::upload_body::{self, FileRange};
use crate::presigned_requests::{Cause, PresignedRequests};

#[derive(Debug, Clone)]
pub(super) struct Storage {
    requests: PresignedRequests,
}

impl Storage {
    pub(super) fn new() -> Result<Self, Error> {
        let requests = PresignedRequests::new(false).map_err(unreachable)?;
        Ok(Self { requests })
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
        let mut request = self.requests.put(url);
        for (name, value) in headers.iter().filter(|(name, _)| name != "content-length") {
            request = request.header(name, value);
        }
        // With a length, a body that is cut short is not accepted.
        let request = request.header(CONTENT_LENGTH, range.bytes);
        let answer = self.requests.send_body(request, body).await;
        let answer = answer.map_err(|cause| {
            if upload_body::is_file_changed(&*cause) {
                return Error::FileChanged(path.to_owned());
            }
            unreachable(cause)
        })?;
        let answer = self.accepted(answer).await?;
        let etag = answer.headers().get(ETAG).and_then(|it| it.to_str().ok());
        let etag = etag.unwrap_or_default().trim_matches('"').to_owned();
        attempt.succeed();
        Ok(etag)
    }

    pub(super) async fn get(&self, url: &str) -> Result<Response, Error> {
        let answer = self.requests.send(self.requests.get(url)).await;
        self.accepted(answer.map_err(unreachable)?).await
    }

    /// Returns the next bytes of an answer; `None` at its end.
    pub(super) async fn chunk(&self, answer: &mut Response) -> Result<Option<Bytes>, Error> {
        self.requests.chunk(answer).await.map_err(unreachable)
    }

    async fn accepted(&self, answer: Response) -> Result<Response, Error> {
        let status = answer.status();
        if status == StatusCode::OK {
            return Ok(answer);
        }
        let code = self.requests.error_code(answer).await;
        Err(Error::Storage { status, code })
    }
}

fn unreachable(cause: Cause) -> Error {
    Error::Unreachable {
        server: "storage".into(),
        cause,
    }
}
