//! HTTP requests with presigned URLs, for jobs and the client. A transfer may take any time while bytes move.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use reqwest::redirect::Policy;
use reqwest::{Body, Client, RequestBuilder, Response};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for which no bytes may move in a transfer: a storage may be syncing gigabytes.
const STALL_TIMEOUT: Duration = Duration::from_mins(2);

/// The longest error document that is read; they are under 1 KiB.
const MAX_ERROR_BYTES: usize = 16 * 1024;

/// The cause of a failed request. It contains no URL, which is a secret.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// An HTTP client whose only limit of time is one for stalls. (The timeout of reads that the HTTP client itself offers
/// begins with the request, so that a body that takes longer to send would always fail.)
#[derive(Debug, Clone)]
pub struct PresignedRequests {
    http: Client,
    stall_timeout: Duration,
}

impl PresignedRequests {
    /// `is_local`: this process serves the storage, so no proxy is used.
    pub fn new(is_local: bool) -> Result<Self, Cause> {
        let http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A signature is valid for one host and path only.
            .redirect(Policy::none());
        let http = if is_local { http.no_proxy() } else { http };
        Ok(Self {
            http: http.build().map_err(without_url)?,
            stall_timeout: STALL_TIMEOUT,
        })
    }

    /// Returns a GET, to be passed to [`Self::send`].
    pub fn get(&self, url: &str) -> RequestBuilder {
        self.http.get(url)
    }

    /// Returns a PUT, to be passed to [`Self::send_body`].
    pub fn put(&self, url: &str) -> RequestBuilder {
        self.http.put(url)
    }

    /// Sends a request without a body, and returns the answer, whatever its status.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Cause> {
        let response = tokio::time::timeout(self.stall_timeout, request.send()).await;
        let response = response.map_err(|_| "it does not answer")?;
        response.map_err(without_url)
    }

    /// Sends a request with a body, and returns the answer, whatever its status.
    pub async fn send_body<E: Into<Cause> + 'static>(
        &self,
        request: RequestBuilder,
        body: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> Result<Response, Cause> {
        let sent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&sent);
        let body = body.inspect_ok(move |chunk| {
            counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        });
        let sending = request.body(Body::wrap_stream(body)).send();
        tokio::select! {
            response = sending => response.map_err(without_url),
            () = self.stalled(&sent) => Err("it accepted no more bytes".into()),
        }
    }

    /// Returns the next bytes of a response; `None` at its end.
    pub async fn chunk(&self, response: &mut Response) -> Result<Option<Bytes>, Cause> {
        let chunk = tokio::time::timeout(self.stall_timeout, response.chunk()).await;
        let chunk = chunk.map_err(|_| "it stopped sending")?;
        chunk.map_err(without_url)
    }

    /// Returns S3's error code; empty if there is none. The rest of an error document is never shown: it quotes parts of
    /// the signed request.
    pub async fn error_code(&self, mut response: Response) -> ErrorCode {
        let mut document = Vec::new();
        while document.len() < MAX_ERROR_BYTES {
            match self.chunk(&mut response).await {
                Ok(Some(chunk)) => document.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(_) => return ErrorCode::default(),
            }
        }
        ErrorCode::of(&String::from_utf8_lossy(&document)).unwrap_or_default()
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
}

/// An error code of S3, such as `NoSuchKey`; may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorCode(String);

impl ErrorCode {
    fn of(document: &str) -> Option<Self> {
        let (_, rest) = document.split_once("<Code>")?;
        let (code, _) = rest.split_once("</Code>")?;
        let is_word = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_word.then(|| Self(code.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ErrorCode {
    /// Writes the code behind a space, or nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            "" => Ok(()),
            code => write!(f, " {code}"),
        }
    }
}

fn without_url(error: reqwest::Error) -> Cause {
    error.without_url().into()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::{Duration, Instant};

    use bytes::Bytes;
    use futures_util::stream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpSocket;

    use super::{ErrorCode, PresignedRequests};

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
        let requests = PresignedRequests {
            stall_timeout: STALL_TIMEOUT,
            ..PresignedRequests::new(true).unwrap()
        };
        let chunks = (0..CHUNKS).map(|_| Ok::<_, io::Error>(Bytes::from(vec![0; CHUNK_BYTES])));
        let request = requests.put(&format!("http://{address}/"));
        let request = request.header("content-length", CHUNKS * CHUNK_BYTES);
        let begin = Instant::now();
        let answer = requests.send_body(request, stream::iter(chunks)).await;
        server.abort();
        answer
            .map(|_| begin.elapsed())
            .map_err(|cause| cause.to_string())
    }

    #[tokio::test]
    async fn a_body_may_take_any_time_while_it_moves() {
        let took = put(Duration::from_millis(30), CHUNKS).await.unwrap();
        assert!(took > 2 * STALL_TIMEOUT, "{took:?}");
    }

    #[tokio::test]
    async fn a_body_that_no_longer_moves_fails() {
        let failure = put(Duration::ZERO, CHUNKS / 4).await.unwrap_err();
        assert_eq!(failure, "it accepted no more bytes");
    }

    #[test]
    fn only_the_code_of_an_error_document_is_shown() {
        let code = |document: &str| ErrorCode::of(document).unwrap_or_default().to_string();
        let document = "<Error><Code>NoSuchKey</Code><Message>a secret</Message></Error>";
        assert_eq!(code(document), " NoSuchKey");
        for other in ["", "<Code>", "<Code>a secret</Code>", "</Code><Code>x"] {
            assert_eq!(code(other), "", "{other}");
        }
    }
}
