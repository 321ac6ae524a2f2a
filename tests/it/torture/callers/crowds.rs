//! Kinds of hostile callers, each as many as it takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::hostile::{self, SlowUploads, address};
use crate::support::{self, API_KEY, Server, Tenant, WorstInput, expect, worst_inputs};

/// How many send the worst input, or wrong keys, at once.
const SENDERS: usize = 8;
const SLOW_PAUSE: Duration = Duration::from_millis(500);
const DOWNLOAD_BYTES: usize = 20_000_000;
/// What is sent without credentials, behind the head of a form.
const FORM_BYTES: usize = 19 * 1024 * 1024;
const FORMS: usize = 40;

/// What a hostile caller does.
#[derive(Debug)]
pub(super) enum Crowd {
    WorstInput(Box<WorstInput>),
    /// Many PUTs to one URL that send a byte now and then.
    SlowPuts,
    /// Readers of pages of large events, who never read.
    StalledPages,
    StalledDownloads,
    /// Connections without a byte.
    Silent,
    /// Connections with half a head.
    HalfHeads,
    WrongKeys,
    /// Forms to the storage with an invented signature.
    UnsignedForms,
}

impl Crowd {
    pub(super) fn all() -> Vec<Self> {
        let mut all = vec![
            Self::SlowPuts,
            Self::StalledPages,
            Self::StalledDownloads,
            Self::Silent,
            Self::HalfHeads,
            Self::WrongKeys,
            Self::UnsignedForms,
        ];
        // A small run leaves these to a test of their own, `api::worst_inputs`.
        if support::number_from_environment("EVENT_HISTORY_TEST_WORST_INPUTS", 0) > 0 {
            all.extend(
                worst_inputs()
                    .into_iter()
                    .map(|it| Self::WorstInput(Box::new(it))),
            );
        }
        all
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::WorstInput(input) => input.name.to_owned(),
            other => format!("{other:?}"),
        }
    }

    /// Does it for a while, by so many callers.
    pub(super) async fn befall(
        self,
        server: &Arc<Server>,
        tenant: &Tenant,
        callers: usize,
        time: Duration,
    ) {
        let end = Instant::now() + time;
        let address = address(server.url());
        match self {
            Self::WorstInput(input) => {
                let senders = (0..SENDERS).map(|_| async {
                    while Instant::now() < end {
                        input.send(server, tenant).await;
                    }
                });
                join_all(senders).await;
            }
            Self::SlowPuts => {
                let url = server.upload_url(tenant).await.url;
                let _uploads = SlowUploads::start(&url, "", callers, SLOW_PAUSE);
                tokio::time::sleep(time).await;
            }
            Self::StalledPages => {
                let url = format!("{}/api/history/events?limit=1000", server.url());
                let client = &tenant.client_id;
                let headers = format!("X-API-Key: {API_KEY}\r\nX-Client-Id: {client}\r\n");
                let request = hostile::get(&url, &headers);
                let _readers = stalled(address, &request, callers / 10).await;
                tokio::time::sleep(time).await;
            }
            Self::StalledDownloads => {
                let upload = server.upload_url(tenant).await;
                let put = server.client().put(&upload.url);
                expect(
                    put.body(support::random_bytes(DOWNLOAD_BYTES)),
                    StatusCode::OK,
                )
                .await;
                let url = server.download_url(tenant, &upload.file_id).await;
                let _readers = stalled(address, &hostile::get(&url, ""), callers / 10).await;
                tokio::time::sleep(time).await;
            }
            Self::Silent => {
                let _silent = hostile::idle(address, callers).await;
                tokio::time::sleep(time).await;
            }
            Self::HalfHeads => {
                let _halves = hostile::partial_heads(address, callers).await;
                tokio::time::sleep(time).await;
            }
            Self::WrongKeys => {
                join_all((0..SENDERS).map(|_| wrong_keys(address, end))).await;
            }
            Self::UnsignedForms => {
                let target = format!("/event-history/hostile/{}", support::uuid());
                join_all((0..FORMS).map(|_| unsigned_forms(address, &target, end))).await;
            }
        }
    }
}

async fn stalled(address: &str, request: &str, count: usize) -> Vec<TcpStream> {
    hostile::stalled_readers(address, request.as_bytes(), count.max(20)).await
}

/// Sends as many wrong keys as go over one connection.
async fn wrong_keys(address: &str, end: Instant) {
    const REQUEST: &[u8] =
        b"GET /api/history/events HTTP/1.1\r\nHost: x\r\nX-API-Key: wrong\r\n\r\n";
    while Instant::now() < end {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            continue;
        };
        let mut answers = vec![0; 64 * 1024];
        while Instant::now() < end {
            if stream.write_all(&REQUEST.repeat(20)).await.is_err() {
                break;
            }
            match timeout(SLOW_PAUSE, stream.read(&mut answers)).await {
                Ok(Ok(length)) if length > 0 => {}
                _ => break,
            }
        }
    }
}

/// Sends such forms one after the other: each is refused at once.
async fn unsigned_forms(address: &str, target: &str, end: Instant) {
    while Instant::now() < end {
        unsigned_form(address, target, end).await;
    }
}

/// Sends line ends as the body of a form that nobody has signed, and then a byte at a time.
async fn unsigned_form(address: &str, target: &str, end: Instant) {
    let head = format!(
        "POST {target}?uploads&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x%2F20260101%2Fus-east-1%2F\
         s3%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&\
         X-Amz-Signature=0000 HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\n\r\n",
        FORM_BYTES + 100_000
    );
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return;
    };
    let sending = async {
        stream.write_all(head.as_bytes()).await?;
        let lines = b"\r\n".repeat(32 * 1024);
        for _ in 0..FORM_BYTES / lines.len() {
            stream.write_all(&lines).await?;
        }
        loop {
            stream.write_all(b"\r").await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        #[expect(unreachable_code, reason = "says what kind of error ends it")]
        std::io::Result::Ok(())
    };
    let _ = tokio::time::timeout_at(end.into(), sending).await;
}
