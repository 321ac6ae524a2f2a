//! Callers that nobody wants: they connect and say nothing, send a byte now and then, or never read.
//! Each holds its connections open until it is dropped.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

/// How long a caller waits for an answer before it counts as none.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// What a stalled reader has room for: the least that Linux gives a socket.
const RECEIVE_BUFFER_BYTES: u32 = 2048;

/// The length that a slow upload promises.
const PROMISED_BYTES: usize = 1 << 30;

/// Returns `127.0.0.1:<port>` of a server's base URL.
pub(crate) fn address(url: &str) -> &str {
    let address = url.trim_start_matches("http://");
    address.split('/').next().unwrap_or(address)
}

/// Connects without sending a byte.
pub(crate) async fn idle(address: &str, count: usize) -> Vec<TcpStream> {
    connect_with(address, count, b"").await
}

/// Connects and sends the beginning of a request's head.
pub(crate) async fn partial_heads(address: &str, count: usize) -> Vec<TcpStream> {
    connect_with(
        address,
        count,
        b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-",
    )
    .await
}

async fn connect_with(address: &str, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(bytes).await.expect("sent");
        streams.push(stream);
    }
    streams
}

/// Connects, sends `request`, and never reads. The kernel takes in as little of the answer as it can.
pub(crate) async fn stalled_readers(address: &str, request: &[u8], count: usize) -> Vec<TcpStream> {
    let address = address.parse().expect("an address");
    let mut streams = Vec::new();
    for _ in 0..count {
        let socket = TcpSocket::new_v4().expect("a socket");
        let set = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
        set.expect("a small buffer");
        let mut stream = socket.connect(address).await.expect("connected");
        stream.write_all(request).await.expect("sent");
        streams.push(stream);
    }
    streams
}

/// Returns the head of a GET of `url`, with `headers` (each with its line's end).
pub(crate) fn get(url: &str, headers: &str) -> String {
    let url = Url::parse(url).expect("a URL");
    let (host, target) = (authority(&url), target(&url));
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n")
}

fn authority(url: &Url) -> String {
    let (host, port) = (url.host_str(), url.port_or_known_default());
    format!("{}:{}", host.expect("a host"), port.expect("a port"))
}

fn target(url: &Url) -> String {
    let query = url.query().map(|query| format!("?{query}"));
    format!("{}{}", url.path(), query.unwrap_or_default())
}

/// Uploads that send a byte now and then.
#[derive(Debug)]
pub(crate) struct SlowUploads {
    uploads: JoinSet<()>,
    answers: Arc<Answers>,
}

#[derive(Debug, Default)]
struct Answers {
    refused: AtomicUsize,
    timed_out: AtomicUsize,
    closed: AtomicUsize,
    other: AtomicUsize,
}

impl SlowUploads {
    /// Starts `count` PUTs to `url`, each from a connection of its own that sends a byte every `pause`.
    pub(crate) fn start(url: &str, headers: &str, count: usize, pause: Duration) -> Self {
        let mut all = Self {
            uploads: JoinSet::new(),
            answers: Arc::default(),
        };
        (0..count).for_each(|_| all.add(url, headers, pause));
        all
    }

    /// Starts one more.
    pub(crate) fn add(&mut self, url: &str, headers: &str, pause: Duration) {
        let url = Url::parse(url).expect("a URL");
        let (host, target) = (authority(&url), target(&url));
        let head = format!(
            "PUT {target} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {PROMISED_BYTES}\r\n\r\n"
        );
        let answers = Arc::clone(&self.answers);
        self.uploads.spawn(async move {
            let count = match slow_upload(&host, &head, pause).await {
                Ok(answer) if answer.starts_with("HTTP/1.1 503 ") => &answers.refused,
                Ok(answer) if answer.contains(" 408 ") || answer.contains("RequestTimeout") => {
                    &answers.timed_out
                }
                Ok(answer) if !answer.is_empty() => &answers.other,
                _ => &answers.closed,
            };
            count.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// Returns how many were answered 503.
    pub(crate) fn refused(&self) -> usize {
        self.answers.refused.load(Ordering::Relaxed)
    }

    /// Returns how many were told that they were too slow.
    pub(crate) fn timed_out(&self) -> usize {
        self.answers.timed_out.load(Ordering::Relaxed)
    }

    /// Returns how many were closed without an answer.
    pub(crate) fn closed(&self) -> usize {
        self.answers.closed.load(Ordering::Relaxed)
    }

    /// Returns how many got another answer, which nobody who never ends can be given.
    pub(crate) fn others(&self) -> usize {
        self.answers.other.load(Ordering::Relaxed)
    }
}

/// Sends until there is an answer, and returns it.
async fn slow_upload(host: &str, head: &str, pause: Duration) -> io::Result<String> {
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(head.as_bytes()).await?;
    let mut answer = vec![0; 4096];
    loop {
        if let Ok(read) = timeout(pause, stream.read(&mut answer)).await {
            let length = read?;
            return Ok(String::from_utf8_lossy(&answer[..length]).into_owned());
        }
        if stream.write_all(b"x").await.is_err() {
            let length = stream.read(&mut answer).await?;
            return Ok(String::from_utf8_lossy(&answer[..length]).into_owned());
        }
    }
}

/// Sends `request` on a connection of its own, and returns that with the head of the answer.
pub(crate) async fn ask(address: &str, request: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let sent = stream.write_all(request.as_bytes()).await;
    sent.expect("sent");
    let head = answer_head(&mut stream).await;
    (stream, head)
}

/// Reads the head of an answer; what came before the end, where the connection ends.
pub(crate) async fn answer_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let read = async {
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
    };
    timeout(ANSWER_TIMEOUT, read).await.expect("an answer");
    String::from_utf8_lossy(&head).into_owned()
}

/// Tells whether the server has closed a connection, reading away what it sent before.
pub(crate) fn is_closed(stream: &TcpStream) -> bool {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.try_read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}
