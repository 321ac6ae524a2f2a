//! All jobs at once, whatever happens: uploads of every kind, events, deletions, sweeps, verifications and copies, while
//! the service and the jobs are killed and the storage refuses, stalls and cuts.
//!
//! Afterwards the model, a list of what was acknowledged, has to hold, on the source and on its copies.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::RwLock;

use super::copies::{Settings, copy, destination, serve, succeed};
use super::{PART_BYTES, Uploaded, assert_kept, embedded_settings, files, is_stored, run};
use crate::support::{
    self, Mode, Proxy, Running, SeaweedFs, Server, Storage, Tenant, event_with_file, random_below,
};

const CLIENTS: usize = 4;
const TENANTS: usize = 4;

/// The time of disturbance in a round.
const DISTURBED: Duration = Duration::from_secs(5);

/// The longest that a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one client knows of a file.
#[derive(Debug, Clone)]
struct Known {
    tenant: Tenant,
    file: Uploaded,
    /// An event was sent, and what became of it is unknown.
    is_uncertain: bool,
}

struct Round {
    /// Locked exclusively to start it again.
    server: RwLock<Server>,
    tenants: Vec<Tenant>,
    known: Mutex<Vec<Known>>,
    is_over: AtomicBool,
}

impl Round {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Sends a request; `None` where nothing answers in time.
    async fn send(&self, request: reqwest::RequestBuilder) -> Option<(StatusCode, Value)> {
        let answered = async {
            let response = request.send().await.ok()?;
            let status = response.status();
            let body = response.bytes().await.ok()?;
            Some((status, serde_json::from_slice(&body).unwrap_or_default()))
        };
        tokio::time::timeout(PATIENCE, answered).await.ok()?
    }

    async fn put(&self, url: &Value, bytes: Vec<u8>) -> Option<()> {
        let server = self.server.read().await;
        let put = server.client().put(url.as_str()?).body(bytes);
        let (status, _) = self.send(put).await?;
        (status == StatusCode::OK).then_some(())
    }

    async fn ask(
        &self,
        tenant: &Tenant,
        method: Method,
        target: &str,
        body: &Value,
    ) -> Option<Value> {
        let server = self.server.read().await;
        let request = server.request_as(tenant, method, target).json(body);
        let (status, answer) = self.send(request).await?;
        status.is_success().then_some(answer)
    }

    /// Uploads a file in one of the ways; `None` if that failed, and the file may be there or not.
    async fn upload(&self, tenant: &Tenant) -> Option<Uploaded> {
        let length = 1 + usize::try_from(random_below(20_000)).unwrap();
        let mut bytes = support::random_bytes(length);
        let file_id = match random_below(3) {
            0 => {
                let target = "/api/files/upload-url";
                let answer = self.ask(tenant, Method::GET, target, &json!({})).await?;
                self.put(&answer["upload_url"], bytes.clone()).await?;
                answer["file_id"].clone()
            }
            1 => {
                let target = "/api/files/upload-form";
                let answer = self.ask(tenant, Method::POST, target, &json!({})).await?;
                let (content_type, body) = form_body(&answer, &bytes);
                let server = self.server.read().await;
                let post = server.client().post(answer["url"].as_str()?).body(body);
                let post = post.header("content-type", content_type);
                let (status, _) = self.send(post).await?;
                status.is_success().then_some(())?;
                answer["file_id"].clone()
            }
            _ => {
                bytes = support::random_bytes(PART_BYTES + length);
                self.upload_in_parts(tenant, &bytes).await?
            }
        };
        Some(Uploaded {
            file_id: file_id.as_str()?.to_owned(),
            bytes,
            event_id: None,
        })
    }

    async fn upload_in_parts(&self, tenant: &Tenant, bytes: &[u8]) -> Option<Value> {
        let mut body = json!({"content_length": bytes.len(), "part_size": PART_BYTES});
        if random_below(2) == 0 {
            body["checksum_sha256"] = json!(support::sha256_hex(bytes));
        }
        let target = "/api/files/multipart";
        let begun = self.ask(tenant, Method::POST, target, &body).await?;
        for (index, part) in bytes.chunks(PART_BYTES).enumerate() {
            let url = &begun["parts"][index]["upload_url"];
            self.put(url, part.to_vec()).await?;
        }
        let target = format!(
            "/api/files/multipart/{}/complete",
            begun["file_id"].as_str()?
        );
        let body = json!({"upload_id": begun["upload_id"]});
        self.ask(tenant, Method::POST, &target, &body).await?;
        Some(begun["file_id"].clone())
    }

    /// Uploads files, and sends events for most of them, at once or later.
    async fn client(&self, number: usize) {
        while !self.is_over() {
            let tenant = &self.tenants[number % self.tenants.len()];
            let Some(mut file) = self.upload(tenant).await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let mut is_uncertain = false;
            match random_below(4) {
                0 => {} // an orphan
                at => {
                    if at == 1 {
                        let late_ms = random_below(2_500);
                        tokio::time::sleep(Duration::from_millis(late_ms)).await;
                    }
                    let detail = event_with_file(&file.file_id);
                    let server = self.server.read().await;
                    let answer = self.send(server.delivery(tenant, &detail)).await;
                    match answer.map(|(status, _)| status) {
                        Some(StatusCode::CREATED) => {
                            file.event_id = detail["event_id"].as_str().map(str::to_owned);
                        }
                        Some(StatusCode::BAD_REQUEST) => {} // it was swept
                        _ => is_uncertain = true,
                    }
                }
            }
            self.known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Known {
                    tenant: tenant.clone(),
                    file,
                    is_uncertain,
                });
        }
    }

    /// Runs a job again and again, and kills every other run somewhere on its way.
    async fn job(&self, command: impl Fn() -> Command) {
        while !self.is_over() {
            let running = Running::spawn(&mut command());
            let end = Instant::now() + Duration::from_millis(200 + random_below(3_000));
            let is_killed = random_below(2) == 0;
            let is_due = || is_killed && Instant::now() > end;
            while !(running.has_ended() || self.is_over() || is_due()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            running.kill();
        }
    }

    /// Kills the service, and starts it again.
    async fn kills(&self) {
        while !self.is_over() {
            tokio::time::sleep(Duration::from_millis(1_000 + random_below(2_000))).await;
            self.server.read().await.kill();
            self.server.write().await.start_again();
        }
    }

    async fn disturbs_storage(&self, proxy: Option<&Proxy>) {
        let Some(proxy) = proxy else {
            return;
        };
        while !self.is_over() {
            tokio::time::sleep(Duration::from_millis(300 + random_below(700))).await;
            proxy.set(match random_below(4) {
                0 => Mode::Refuse,
                1 => Mode::Reset,
                2 => Mode::Cut(usize::try_from(random_below(2_000)).unwrap()),
                _ => Mode::Delay(Duration::from_millis(100)),
            });
            tokio::time::sleep(Duration::from_millis(100 + random_below(400))).await;
            proxy.set(Mode::Pass);
        }
        proxy.set(Mode::Pass);
    }
}

fn form_body(form: &Value, file: &[u8]) -> (String, Vec<u8>) {
    let boundary = "a-boundary-of-this-test";
    let mut body = Vec::new();
    let fields = form["fields"].as_object().unwrap().iter();
    let fields = fields.map(|(name, value)| (name.as_str(), value.as_str().unwrap().as_bytes()));
    for (name, value) in fields.chain([("file", file)]) {
        let head =
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend(head.as_bytes());
        body.extend(value);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// Lets everything happen at once. `proxy` is before the storage, if that is another server.
async fn disturb(
    server: Server,
    settings: &Settings,
    proxy: Option<&Proxy>,
) -> (Server, Vec<Known>) {
    let mut tenants = Vec::new();
    for number in 0..TENANTS {
        tenants.push(server.create_tenant(&format!("model-{number}")).await);
    }
    let fleeting = server.create_tenant("fleeting").await;
    let home = server.folder().to_owned();
    let job = |arguments: &'static [&'static str]| {
        let home = home.clone();
        move || files(&home, settings, arguments)
    };
    let round = Round {
        server: RwLock::new(server),
        tenants,
        known: Mutex::default(),
        is_over: AtomicBool::new(false),
    };
    let deletes = async {
        let _ = round.upload(&fleeting).await;
        tokio::time::sleep(DISTURBED / 2).await;
        support::wait_for("a deletion", Duration::from_secs(30), async || {
            let server = round.server.read().await;
            let target = "/api/delete-tenant?files=delete";
            let request = server.request_as(&fleeting, Method::DELETE, target);
            // 400: an answer that got lost said that it is gone.
            let (status, _) = round.send(request).await?;
            [StatusCode::OK, StatusCode::BAD_REQUEST]
                .contains(&status)
                .then_some(())
        })
        .await;
    };
    let ends = async {
        tokio::time::sleep(DISTURBED).await;
        round.is_over.store(true, Ordering::Relaxed);
    };
    let clients = (0..CLIENTS).map(|number| round.client(number));
    tokio::join!(
        futures_util::future::join_all(clients),
        round.job(job(&["sweep", "--older-than", "1s", "--delete"])),
        round.job(job(&[
            "sweep",
            "--older-than",
            "2s",
            "--delete",
            "--of-no-tenant"
        ])),
        round.job(job(&["verify"])),
        round.kills(),
        round.disturbs_storage(proxy),
        deletes,
        ends,
    );
    let known = round
        .known
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    (round.server.into_inner(), known)
}

/// Checks the model against a service, and returns how many events it has.
async fn holds(home: &Path, server: &Server, settings: &Settings, known: &[Known]) -> usize {
    for one in known {
        assert_kept(server, &one.tenant, &one.file).await;
    }
    let (code, lines) = run(files(home, settings, &["verify"])).await;
    // Files in parts of which no digest was declared have a tag that tells.
    assert_eq!(code, 0, "{lines:?}");
    known.iter().filter(|it| it.file.event_id.is_some()).count()
}

/// Disturbs everything, and checks the model on the source and on a copy, and on a copy of that.
async fn round(
    server: Server,
    settings: Settings,
    storage: &Storage,
    proxy: Option<&Proxy>,
    copies: [Option<&Storage>; 2],
) {
    let begin = Instant::now();
    let (server, known) = disturb(server, &settings, proxy).await;
    let home = server.folder().to_owned();
    let disturbed = begin.elapsed();
    let events = holds(&home, &server, &settings, &known).await;
    let orphans: Vec<&Known> = known
        .iter()
        .filter(|it| it.file.event_id.is_none() && !it.is_uncertain)
        .collect();
    let mut staying = orphans.clone();
    let mut said = Vec::new();
    // S3 dates files by the second, and where the clock was set, a sweep takes files to be younger than they are.
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let sweep = ["sweep", "--older-than", "0s", "--delete", "--of-no-tenant"];
        let (code, lines) = run(files(&home, &settings, &sweep)).await;
        assert_eq!(code, 0, "{lines:?}");
        said.push(lines);
        let mut left = Vec::new();
        for one in staying {
            if is_stored(storage, &one.tenant, &one.file.file_id).await {
                left.push(one);
            }
        }
        staying = left;
        if staying.is_empty() {
            break;
        }
    }
    let names = staying.iter().map(|it| &it.file.file_id);
    assert!(
        staying.is_empty(),
        "{:?}: {said:?}",
        names.collect::<Vec<_>>()
    );
    let orphans = orphans.len();
    holds(&home, &server, &settings, &known).await;
    assert!(server.process().term().success());
    let swept = begin.elapsed();

    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut from = settings;
    for (folder, storage) in folders.iter().zip(copies) {
        let to = destination(folder, storage);
        for _ in 0..2 {
            let copying = Running::spawn(&mut copy(&home, &from, &to));
            tokio::time::sleep(Duration::from_millis(random_below(800))).await;
            copying.kill();
        }
        succeed(&mut copy(&home, &from, &to));
        let there = serve(&to);
        holds(&home, &there, &to, &known).await;
        assert!(there.process().term().success());
        from = to;
    }
    println!(
        "{} files, {events} with an event, {orphans} orphans; disturbed until {disturbed:.1?}, swept until {swept:.1?}, \
         copied until {:.1?}",
        known.len(),
        begin.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_on_the_embedded_storage_the_model_holds() {
    for _ in 0..support::number_from_environment("EVENT_HISTORY_TEST_JOB_ROUNDS", 1) {
        let server = Server::start();
        let settings = Vec::from(embedded_settings(&server));
        let storage = server.embedded_storage();
        round(server, settings, &storage, None, [None, None]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_on_seaweedfs_the_model_holds() {
    let seaweedfs = SeaweedFs::start().await;
    for number in 0..support::number_from_environment("EVENT_HISTORY_TEST_JOB_ROUNDS", 1) {
        let bucket = |kind: &str| format!("model-{kind}-{number}");
        let storage = seaweedfs.bucket_called(&bucket("source")).await;
        let locked = seaweedfs.locked_bucket_called(&bucket("copy")).await;
        let address = storage.endpoint.trim_start_matches("http://").parse();
        let proxy = Proxy::start(address.unwrap());
        let disturbed = Storage {
            endpoint: format!("http://{}", proxy.address()),
            ..storage.clone()
        };
        let server = Server::builder().files_in(&disturbed).start();
        let mut settings = Vec::from(disturbed.settings());
        let [database, _] = embedded_settings(&server);
        settings.push(database);
        let copies = [Some(&locked), None];
        round(server, settings, &storage, Some(&proxy), copies).await;
        // It has room for few buckets at once.
        for kind in ["source", "copy"] {
            seaweedfs.remove_bucket(&bucket(kind)).await;
        }
    }
}
