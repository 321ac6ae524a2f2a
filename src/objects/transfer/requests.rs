//! Requests with presigned URLs, each of which may take as long as bytes move.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, IF_MATCH, RANGE};
use http::{Method, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Body, RequestBuilder, Response};

use crate::objects::{Error, PresignedUrl};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for which no bytes may move in a transfer: a storage may be syncing gigabytes.
const STALL_TIMEOUT: Duration = Duration::from_mins(2);

/// The longest error document that is read; they are under 1 KiB.
const MAX_ERROR_BYTES: usize = 16 * 1024;

/// An HTTP client whose only limit of time is one for stalls. (The timeout of reads that the HTTP client itself offers
/// begins with the request, so that a body that takes longer to send would always fail.)
#[derive(Debug, Clone)]
pub(super) struct Requests {
    http: reqwest::Client,
    stall_timeout: Duration,
}

impl Requests {
    /// `is_local`: this process serves the storage, so no proxy is used.
    pub(super) fn new(is_local: bool) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A signature is valid for one host and path only.
            .redirect(Policy::none());
        let http = if is_local { http.no_proxy() } else { http };
        Ok(Self {
            http: http.build().map_err(unavailable)?,
            stall_timeout: STALL_TIMEOUT,
        })
    }

    pub(super) async fn get(&self, url: &str) -> Result<Response, Error> {
        let request = self.http.get(url);
        self.send(Method::GET, request, StatusCode::OK).await
    }

    /// Reads a range of an object, if its ETag is still this one.
    pub(super) async fn get_range(
        &self,
        url: &str,
        range: &Range<u64>,
        etag: Option<&str>,
    ) -> Result<Response, Error> {
        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        let mut request = self.http.get(url).header(RANGE, bytes);
        if let Some(etag) = etag {
            request = request.header(IF_MATCH, format!("\"{etag}\""));
        }
        self.send(Method::GET, request, StatusCode::PARTIAL_CONTENT)
            .await
    }

    /// Returns the next bytes of a response; `None` at its end.
    pub(super) async fn chunk(&self, response: &mut Response) -> Result<Option<Bytes>, Error> {
        let chunk = tokio::time::timeout(self.stall_timeout, response.chunk()).await;
        let chunk = chunk.map_err(|_| because("it stopped sending"))?;
        chunk.map_err(unavailable)
    }

    /// Returns the body of a response as a stream.
    pub(super) fn body(
        &self,
        response: Response,
    ) -> impl Stream<Item = Result<Bytes, Error>> + Send + use<> {
        stream::try_unfold(
            (self.clone(), response),
            async |(requests, mut response)| {
                let chunk = requests.chunk(&mut response).await?;
                Ok(chunk.map(|chunk| (chunk, (requests, response))))
            },
        )
    }

    /// Sends `length` bytes.
    pub(super) async fn put(
        &self,
        presigned: PresignedUrl,
        mut headers: HeaderMap,
        length: u64,
        body: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
    ) -> Result<Response, Error> {
        let PresignedUrl {
            url,
            headers: signed,
            expires_at: _,
        } = presigned;
        headers.insert(CONTENT_LENGTH, length.into());
        for (name, value) in signed {
            let name = HeaderName::try_from(name).map_err(|it| Error::Unavailable(it.into()))?;
            let value = HeaderValue::try_from(value).map_err(|it| Error::Unavailable(it.into()))?;
            headers.insert(name, value);
        }
        let sent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&sent);
        let body = body.inspect_ok(move |chunk| {
            counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        });
        let request = self.http.put(url).headers(headers);
        let sending = request.body(Body::wrap_stream(body)).send();
        let response = tokio::select! {
            response = sending => response.map_err(unavailable)?,
            () = self.stalled(&sent) => return Err(because("it accepted no more bytes")),
        };
        self.accepted(Method::PUT, response, StatusCode::OK).await
    }

    /// Returns once nothing was counted for a while, or for up to twice as long.
    async fn stalled(&self, counted: &AtomicU64) {
        let mut before = None;
        loop {
            let now = counted.load(Ordering::Relaxed);
            if before == Some(now) {
                return;
            }
            before = Some(now);
            tokio::time::sleep(self.stall_timeout).await;
        }
    }

    async fn send(
        &self,
        method: Method,
        request: RequestBuilder,
        expected: StatusCode,
    ) -> Result<Response, Error> {
        let response = tokio::time::timeout(self.stall_timeout, request.send()).await;
        let response = response.map_err(|_| because("it does not answer"))?;
        let response = response.map_err(unavailable)?;
        self.accepted(method, response, expected).await
    }

    async fn accepted(
        &self,
        method: Method,
        response: Response,
        expected: StatusCode,
    ) -> Result<Response, Error> {
        let status = response.status();
        if status == expected {
            return Ok(response);
        }
        let code = self.error_code(response).await.unwrap_or_default();
        let answered = format!("it answered {status} to {method} {code}");
        Err(because(answered.trim_end()))
    }

    /// Returns S3's error code. The rest of an error document is never shown: it quotes parts of the signed request.
    async fn error_code(&self, mut response: Response) -> Option<String> {
        let mut body = Vec::new();
        while body.len() < MAX_ERROR_BYTES
            && let Some(chunk) = self.chunk(&mut response).await.ok()?
        {
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8_lossy(&body);
        let (_, rest) = body.split_once("<Code>")?;
        let (code, _) = rest.split_once("</Code>")?;
        let is_word = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_word.then(|| code.to_owned())
    }
}

/// Removes the URL, which is a secret, from the message.
fn unavailable(error: reqwest::Error) -> Error {
    Error::Unavailable(error.without_url().into())
}

pub(super) fn because(reason: &str) -> Error {
    Error::Unavailable(reason.to_owned().into())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use bytes::Bytes;
    use futures_util::stream;
    use http::HeaderMap;
    use jiff::Timestamp;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpSocket;

    use super::Requests;
    use crate::objects::PresignedUrl;

    const STALL_TIMEOUT: Duration = Duration::from_secs(1);
    const CHUNK_BYTES: usize = 256 * 1024;
    /// Much more than the sockets buffer.
    const CHUNKS: usize = 128;

    /// Sends a body to a server that takes `pause` after each chunk, and that reads `read_chunks`.
    async fn put(pause: Duration, read_chunks: usize) -> Result<Duration, String> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut chunk = vec![0; CHUNK_BYTES];
            for _ in 0..read_chunks {
                client.read_exact(&mut chunk).await.unwrap();
                tokio::time::sleep(pause).await;
            }
            if read_chunks == CHUNKS {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                client.write_all(answer).await.unwrap();
            }
            std::future::pending::<()>().await;
        });
        // Fails if there is a default provider already, which will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let requests = Requests {
            stall_timeout: STALL_TIMEOUT,
            ..Requests::new(true).unwrap()
        };
        let presigned = PresignedUrl {
            url: format!("http://{address}/"),
            headers: Vec::new(),
            expires_at: Timestamp::MAX,
        };
        let chunks = (0..CHUNKS).map(|_| Ok(Bytes::from(vec![0; CHUNK_BYTES])));
        let (length, body) = ((CHUNKS * CHUNK_BYTES) as u64, stream::iter(chunks));
        let begin = Instant::now();
        let answer = requests
            .put(presigned, HeaderMap::new(), length, body)
            .await;
        server.abort();
        answer
            .map(|_| begin.elapsed())
            .map_err(|error| format!("{:?}", std::error::Error::source(&error)))
    }

    #[tokio::test]
    async fn a_body_may_take_any_time_while_it_moves() {
        let took = put(Duration::from_millis(30), CHUNKS).await.unwrap();
        assert!(took > 2 * STALL_TIMEOUT, "{took:?}");
    }

    #[tokio::test]
    async fn a_body_that_no_longer_moves_fails() {
        let failure = put(Duration::ZERO, CHUNKS / 4).await.unwrap_err();
        assert!(failure.contains("it accepted no more bytes"), "{failure}");
    }
}
