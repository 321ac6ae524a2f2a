//! A service with a proxy before one of its backends, and what was asked of it and promised.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::header::RETRY_AFTER;
use http::{Method, StatusCode};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::{self, Mode, Proxy, Server, Tenant, event, event_with_file, expect, wait_for};

/// What EventBridge gives an endpoint.
const LIMIT: Duration = Duration::from_secs(5);

/// How soon the service works again once its backend does: connections that died unnoticed may be kept
/// for a while, and a request that takes such a one has to end first.
const RECOVERY: Duration = Duration::from_secs(15);

/// Requests of each kind at once: each has to end in time beside the others.
const AT_ONCE: usize = 4;

const FILE: &str = "the contract, signed";

/// What the proxy stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Files,
    Database,
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Event,
    EventWithFile,
    List,
    UploadUrl,
    DownloadUrl,
    NewTenant,
}

const KINDS: [Kind; 6] = [
    Kind::Event,
    Kind::EventWithFile,
    Kind::List,
    Kind::UploadUrl,
    Kind::DownloadUrl,
    Kind::NewTenant,
];

#[derive(Debug)]
pub(super) struct Stage {
    server: Server,
    proxy: Proxy,
    backend: Backend,
    tenant: Tenant,
    /// A file that was stored before anything failed, and an event that references it.
    file_id: String,
    event_of_file: String,
    /// By event id: was it answered 201?
    ledger: HashMap<String, bool>,
    /// The longest that a request took since the last fault began.
    slowest: Duration,
}

impl Backend {
    /// Returns its name in `/health/ready` and in the metrics, and that of the other one.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Files => ("files", "database"),
            Self::Database => ("database", "files"),
        }
    }
}

impl Kind {
    /// Tells whether a request of this kind can be answered without the backend.
    fn does_without(self, backend: Backend) -> bool {
        match backend {
            Backend::Files => !matches!(self, Self::EventWithFile | Self::DownloadUrl),
            // The tenant's entry is remembered, and the rest is computed.
            Backend::Database => self == Self::UploadUrl,
        }
    }

    fn success(self) -> StatusCode {
        match self {
            Self::Event | Self::EventWithFile | Self::NewTenant => StatusCode::CREATED,
            Self::List | Self::UploadUrl | Self::DownloadUrl => StatusCode::OK,
        }
    }
}

impl Stage {
    /// Takes a server whose `backend` is behind `proxy`, and stores a file by it.
    pub(super) async fn new(server: Server, proxy: Proxy, backend: Backend) -> Self {
        let tenant = server.create_tenant("demo").await;
        let upload = server.upload_url(&tenant).await;
        expect(server.client().put(&upload.url).body(FILE), StatusCode::OK).await;
        let detail = event_with_file(&upload.file_id);
        server.deliver(&tenant, &detail).await;
        let event_of_file = id_of(&detail);
        Self {
            server,
            proxy,
            backend,
            tenant,
            file_id: upload.file_id,
            ledger: HashMap::from([(event_of_file.clone(), true)]),
            event_of_file,
            slowest: Duration::ZERO,
        }
    }

    /// Lets something befall the backend, and holds what is answered meanwhile to what can be.
    pub(super) async fn befall(&mut self, mode: Mode, out_of_reach: bool) {
        self.slowest = Duration::ZERO;
        self.proxy.set(mode);
        // Many at once, each with a connection of its own, and then one alone.
        for round in [
            self.ask(&[KINDS; AT_ONCE].concat()).await,
            self.ask(&[Kind::EventWithFile]).await,
        ] {
            for (kind, status) in round {
                let can = !out_of_reach || kind.does_without(self.backend);
                let expected = if can {
                    kind.success()
                } else {
                    StatusCode::SERVICE_UNAVAILABLE
                };
                assert_eq!(status, expected, "{kind:?} with {mode:?}");
            }
        }
        self.assert_readiness(!out_of_reach).await;
    }

    /// Lets a router forget the connections that are open: new ones work, and nobody is told.
    pub(super) fn forget_connections(&mut self) {
        self.slowest = Duration::ZERO;
        self.proxy.set(Mode::HalfOpen);
        self.proxy.set(Mode::Pass);
    }

    /// Lets the backend be well again, and returns after how long all requests were, too.
    pub(super) async fn recover(&mut self) -> Duration {
        self.proxy.set(Mode::Pass);
        let start = Instant::now();
        wait_for("all requests to be well again", RECOVERY, async || {
            let round = self.ask(&[KINDS; AT_ONCE].concat()).await;
            let all_well = round.iter().all(|(kind, status)| *status == kind.success());
            all_well.then_some(())
        })
        .await;
        let recovered_after = start.elapsed();
        self.assert_readiness(true).await;
        let target = format!("/api/history/events/{}/file", self.event_of_file);
        let answer = self.server.get_json(&self.tenant, &target).await;
        let url = answer["download_url"].as_str().expect("a URL is text");
        // By a client of its own: what another holds open to the proxy may be dead as well.
        let file = expect(support::http_client().get(url), StatusCode::OK).await;
        assert_eq!(file.text().await.expect("a file of text"), FILE);
        recovered_after
    }

    pub(super) fn slowest(&self) -> Duration {
        self.slowest
    }

    /// Every acknowledged event is there once, none is there twice, and nothing that was not sent.
    /// Where the files were out of reach, an event that was answered 503 was not stored either. Returns
    /// the measurements.
    pub(super) async fn assert_the_ledger_holds(&self) -> String {
        let mut found = HashSet::new();
        let mut target = Some("/api/history/events?limit=1000".to_owned());
        while let Some(next) = target {
            let page = self.server.get_json(&self.tenant, &next).await;
            for event in page["results"].as_array().expect("results") {
                let id = id_of(event);
                assert!(self.ledger.contains_key(&id), "{id} was never sent");
                assert!(found.insert(id.clone()), "{id} is there twice");
            }
            target = page["next"].as_str().map(ToOwned::to_owned);
        }
        for (id, acknowledged) in &self.ledger {
            let is_there = found.contains(id);
            assert!(is_there || !acknowledged, "{id} is lost");
            let may_be_there = *acknowledged || self.backend == Backend::Database;
            assert!(may_be_there || !is_there, "{id} was refused and stored");
        }
        let acknowledged = self.ledger.values().filter(|it| **it).count();
        let sent = self.ledger.len();
        assert!(acknowledged < sent, "no fault was felt");
        let stored = found.len();
        format!("{acknowledged} of {sent} events acknowledged, {stored} stored")
    }

    /// Sends a request of each of these kinds, all at once. Each has to end in time, with success or
    /// with a 503 that asks to come again.
    async fn ask(&mut self, kinds: &[Kind]) -> Vec<(Kind, StatusCode)> {
        let requests = kinds.iter().map(|kind| {
            let (event_id, request) = self.request(*kind);
            async move { (*kind, event_id, timed(request).await) }
        });
        let answers = join_all(requests.collect::<Vec<_>>()).await;
        let mut statuses = Vec::new();
        for (kind, event_id, (status, retry_after, text, elapsed)) in answers {
            assert!(elapsed < LIMIT, "{kind:?} took {elapsed:?}");
            self.slowest = self.slowest.max(elapsed);
            let is_refusal = status == StatusCode::SERVICE_UNAVAILABLE && retry_after;
            assert!(
                status == kind.success() || is_refusal,
                "{kind:?}: {status} {text}, Retry-After: {retry_after}"
            );
            if let Some(event_id) = event_id {
                self.ledger.insert(event_id, !is_refusal);
            }
            statuses.push((kind, status));
        }
        statuses
    }

    /// Returns a request, and the id of the event that it delivers, if it does.
    fn request(&self, kind: Kind) -> (Option<String>, RequestBuilder) {
        let get = |target: &str| self.server.request_as(&self.tenant, Method::GET, target);
        let deliver = |detail: Value| {
            let request = self.server.delivery(&self.tenant, &detail);
            (Some(id_of(&detail)), request)
        };
        match kind {
            Kind::Event => deliver(event()),
            Kind::EventWithFile => deliver(event_with_file(&self.file_id)),
            Kind::List => (None, get("/api/history/events")),
            Kind::UploadUrl => (None, get("/api/files/upload-url")),
            Kind::DownloadUrl => {
                let target = format!("/api/history/events/{}/file", self.event_of_file);
                (None, get(&target))
            }
            Kind::NewTenant => {
                let name = format!("t_{}", support::uuid());
                let body = json!({ "database_name": name, "client_label": "" });
                let request = self.server.request(Method::POST, "/api/initialize-tenant");
                (None, request.json(&body))
            }
        }
    }

    /// Both the probe and the metrics name the backend that is out of reach, and no other.
    async fn assert_readiness(&mut self, all_well: bool) {
        let (name, other) = self.backend.names();
        let probe = self.server.request(Method::GET, "/health/ready");
        let (status, _, text, elapsed) = timed(probe).await;
        assert!(elapsed < LIMIT, "the probe took {elapsed:?}");
        self.slowest = self.slowest.max(elapsed);
        let body: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(body[other], "ok", "{body}");
        assert_eq!(body[name] == "ok", all_well, "{body}");
        assert_eq!(status == StatusCode::OK, all_well, "{status} {body}");

        let (status, _, text, elapsed) = timed(self.server.request(Method::GET, "/metrics")).await;
        assert_eq!(status, StatusCode::OK);
        assert!(elapsed < LIMIT, "the metrics took {elapsed:?}");
        for (backend, up) in [(name, all_well), (other, true)] {
            let up = u8::from(up);
            let line = format!("event_history_backend_up{{backend=\"{backend}\"}} {up}\n");
            assert!(text.contains(&line), "no {line} in\n{text}");
        }
    }
}

/// Returns the status, whether it says when to come again, the body, and how long all that took.
async fn timed(request: RequestBuilder) -> (StatusCode, bool, String, Duration) {
    let start = Instant::now();
    let response = request.send().await.expect("the server answers");
    let (status, retry_after) = (
        response.status(),
        response.headers().contains_key(RETRY_AFTER),
    );
    let text = response.text().await.expect("answers are text");
    (status, retry_after, text, start.elapsed())
}

fn id_of(event: &Value) -> String {
    event["event_id"].as_str().expect("an id").to_owned()
}
