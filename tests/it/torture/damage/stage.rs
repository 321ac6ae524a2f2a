//! A folder with a bit of everything, as a killed service leaves it.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Damage;
use super::outcome::{Outcome, judge};
use crate::support::{self, Server, Tenant, event, expect, expect_json};
use crate::torture::dice::Dice;
use crate::torture::form::{form_body, form_type};
use crate::torture::server_on;

/// Enough that a tenant's log has many transactions.
const EVENTS: usize = 30;
const PARTS_BYTES: usize = 20_000;

/// A kind of file, by where such files are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind(String);

/// The folder, and what is in it.
#[derive(Debug)]
pub(super) struct Stage {
    place: TempDir,
    pub(super) actors: Vec<Actor>,
}

/// A tenant, and what it was promised.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) tenant: Tenant,
    /// The details of the acknowledged events.
    pub(super) events: Vec<Value>,
    pub(super) files: Vec<Stored>,
    pub(super) unfinished: Unfinished,
}

/// A file that an acknowledged event references.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) file_id: String,
    pub(super) event_id: String,
    pub(super) bytes: Vec<u8>,
    /// Its own files, relative to the root: the object's, and where it came in parts theirs.
    paths: Vec<(Kind, PathBuf)>,
}

/// An unfinished multipart upload with all its parts.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) file_id: String,
    pub(super) upload_id: String,
    pub(super) bytes: Vec<u8>,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(&self.0)
    }
}

impl Kind {
    /// Tells whether it is about all tenants, so that a start may be refused.
    pub(super) fn is_shared(&self) -> bool {
        !["tenant", "object", "part", "ended", "open", "half"]
            .iter()
            .any(|it| self.0.starts_with(it))
    }

    pub(super) fn is_log(&self) -> bool {
        self.0.ends_with("-wal")
    }
}

impl Stage {
    pub(super) async fn set() -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        let root = place.path().join("whole");
        let server = server_on(&root).start();
        let mut actors = Vec::new();
        for name in ["aa", "bb", "cc"] {
            actors.push(Actor::new(&server, &root, name).await);
        }
        // What is stored so far is in the databases, and what comes now is in their logs alone.
        assert!(server.process().term().success());
        let server = server_on(&root).start();
        for actor in &mut actors {
            actor.deliver(&server).await;
        }
        let url = server.upload_url(&actors[0].tenant).await.url;
        let half = half_an_upload(&server, &url, &root).await;
        server.kill();
        drop(half);
        Self { place, actors }
    }

    fn root(&self) -> PathBuf {
        self.place.path().join("whole")
    }

    /// Returns the files of the folder with their kinds; the first of a kind is the first tenant's.
    fn files(&self) -> Vec<(Kind, PathBuf)> {
        let root = self.root();
        let mut files: Vec<(Kind, PathBuf)> = Vec::new();
        for actor in &self.actors {
            let name = &actor.tenant.database_name;
            for end in ["db", "db-wal", "db-shm"] {
                files.push((
                    Kind(format!("tenant's {end}")),
                    format!("tenants/{name}.{end}").into(),
                ));
            }
            files.extend(actor.files.iter().flat_map(|it| it.paths.clone()));
            let open = format!("files/multipart/{}", actor.unfinished.upload_id);
            files.push((
                Kind("open upload.json".into()),
                format!("{open}/upload.json").into(),
            ));
            files.push((
                Kind("open upload's part".into()),
                format!("{open}/00001").into(),
            ));
        }
        let known: Vec<PathBuf> = files.iter().map(|(_, path)| path.clone()).collect();
        for path in below(&root) {
            let relative = path.strip_prefix(&root).expect("below the root").to_owned();
            if known.contains(&relative) {
                continue;
            }
            // What is of no kind that is known here is one of its own: registry, locks, and what comes later.
            let kind = if relative.starts_with("files/uploads") {
                "half an upload".to_owned()
            } else {
                relative.display().to_string()
            };
            files.push((Kind(kind), relative));
        }
        files.retain(|(_, path)| root.join(path).exists());
        files
    }

    pub(super) fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self.files().into_iter().map(|(kind, _)| kind).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// Damages the first file of a kind in a copy of the folder and returns what a service makes of it; `None`
    /// where there is nothing to replace it by.
    pub(super) async fn outcome(
        &self,
        kind: &Kind,
        damage: Damage,
        dice: &mut Dice,
    ) -> Option<Outcome> {
        let copy = tempfile::tempdir().expect("a temporary folder");
        let root = copy.path().join("data");
        support::copy_folder(&self.root(), &root);
        let of_kind: Vec<PathBuf> = self
            .files()
            .into_iter()
            .filter(|(it, _)| it == kind)
            .map(|(_, path)| path)
            .collect();
        let path = &of_kind[0];
        let other = match kind.0.as_str() {
            "registry.db" | "registry.db-wal" => Some(
                self.root().join("tenants").join(
                    path.with_extension("")
                        .with_file_name(format!("aa.{}", path.extension()?.to_str()?)),
                ),
            ),
            _ => of_kind.get(1).map(|it| self.root().join(it)),
        };
        if damage == Damage::Replaced && other.is_none() {
            return None;
        }
        let log = kind
            .is_log()
            .then(|| fs::read(root.join(path)).expect("the log"));
        let flipped = damage.befall(&root.join(path), other.as_deref(), dice);
        let may_be_missing = match (&log, flipped) {
            // An entry without its database is answered as the documentation has it.
            (None, _) => kind.0 == "tenant's db" && damage == Damage::Removed,
            (Some(log), Some(at)) => at >= last_transaction(log),
            // The end of a log may be missing after a power cut, and so may all of it.
            (Some(_), None) => damage != Damage::Replaced,
        };
        let server = server_on(&root).try_start();
        Some(judge(self, kind, path, may_be_missing, server).await)
    }
}

impl Actor {
    async fn new(server: &Server, root: &Path, name: &str) -> Self {
        let tenant = server.create_tenant(name).await;
        let (mut events, mut files) = (Vec::new(), Vec::new());
        for way in ["PUT", "form", "parts"] {
            let before = below(root);
            let (file_id, bytes) = match way {
                "PUT" => put(server, &tenant).await,
                "form" => post_form(server, &tenant).await,
                _ => {
                    let upload = in_parts(server, &tenant).await;
                    complete(server, &tenant, &upload).await;
                    (upload.file_id, upload.bytes)
                }
            };
            let new = below(root).into_iter().filter(|it| !before.contains(it));
            let new = new.map(|it| it.strip_prefix(root).expect("below the root").to_owned());
            let paths = new
                .filter_map(|path| Some((kind_of(&path, way)?, path)))
                .collect();
            let mut detail = event();
            detail["file_id"] = file_id.as_str().into();
            server.deliver(&tenant, &detail).await;
            let event_id = detail["event_id"].as_str().expect("an id").to_owned();
            events.push(detail);
            files.push(Stored {
                file_id,
                event_id,
                bytes,
                paths,
            });
        }
        let unfinished = in_parts(server, &tenant).await;
        let mut actor = Self {
            tenant,
            events,
            files,
            unfinished,
        };
        actor.deliver(server).await;
        actor
    }

    /// Sends events, one after the other, so that each is a transaction.
    async fn deliver(&mut self, server: &Server) {
        for number in 0..EVENTS {
            let mut detail = event();
            let name = &self.tenant.database_name;
            detail["event_data"] = json!([name, number, "x".repeat(number * 20)]);
            server.deliver(&self.tenant, &detail).await;
            self.events.push(detail);
        }
    }
}

fn kind_of(path: &Path, way: &str) -> Option<Kind> {
    if path.starts_with("files/objects") {
        return Some(Kind(format!("object by {way}")));
    }
    if path.starts_with("files/parts") {
        let is_lock = path.ends_with("upload.json");
        let kind = if is_lock {
            "ended upload.json"
        } else {
            "part of an object"
        };
        return Some(Kind(kind.to_owned()));
    }
    None
}

async fn put(server: &Server, tenant: &Tenant) -> (String, Vec<u8>) {
    let upload = server.upload_url(tenant).await;
    let bytes = support::random_bytes(30_000);
    expect(
        server.client().put(&upload.url).body(bytes.clone()),
        StatusCode::OK,
    )
    .await;
    (upload.file_id, bytes)
}

async fn post_form(server: &Server, tenant: &Tenant) -> (String, Vec<u8>) {
    let request = server.request_as(tenant, Method::POST, "/api/files/upload-form");
    let answer = expect_json(request.json(&json!({})), StatusCode::OK).await;
    let bytes = support::random_bytes(10_000);
    let url = answer["url"].as_str().expect("a URL");
    let post = server
        .client()
        .post(url)
        .body(form_body(&answer["fields"], &bytes));
    expect(
        post.header("Content-Type", form_type()),
        StatusCode::NO_CONTENT,
    )
    .await;
    (answer["file_id"].as_str().expect("an id").to_owned(), bytes)
}

async fn in_parts(server: &Server, tenant: &Tenant) -> Unfinished {
    let bytes = support::random_bytes(PARTS_BYTES);
    let request = server.request_as(tenant, Method::POST, "/api/files/multipart");
    let request = request.json(&json!({ "content_length": bytes.len() }));
    let begun = expect_json(request, StatusCode::CREATED).await;
    let url = begun["parts"][0]["upload_url"].as_str().expect("a URL");
    expect(server.client().put(url).body(bytes.clone()), StatusCode::OK).await;
    let text = |name: &str| begun[name].as_str().expect("text").to_owned();
    Unfinished {
        file_id: text("file_id"),
        upload_id: text("upload_id"),
        bytes,
    }
}

async fn complete(server: &Server, tenant: &Tenant, upload: &Unfinished) {
    let target = format!("/api/files/multipart/{}/complete", upload.file_id);
    let request = server.request_as(tenant, Method::POST, &target);
    expect(
        request.json(&json!({ "upload_id": upload.upload_id })),
        StatusCode::OK,
    )
    .await;
}

/// Leaves an upload in the middle, for as long as what this returns is kept.
async fn half_an_upload(server: &Server, url: &str, root: &Path) -> TcpStream {
    let address = server.url().trim_start_matches("http://");
    let target = url
        .strip_prefix(server.url())
        .expect("a URL of the server's");
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    let head =
        format!("PUT {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 4000000\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the server reads");
    stream
        .write_all(&support::random_bytes(2_000_000))
        .expect("the server reads");
    support::wait_for("half an upload", Duration::from_secs(20), async || {
        let uploads = fs::read_dir(root.join("files/uploads")).expect("the folder");
        let mut sizes = uploads.map(|it| it.expect("an entry").metadata().map_or(0, |it| it.len()));
        sizes.any(|size| size > 0).then_some(())
    })
    .await;
    stream
}

/// Returns where the last transaction of a log begins: damage behind that cannot be told from a power cut.
/// Source: "The Write-Ahead Log" in SQLite's database file format.
fn last_transaction(log: &[u8]) -> usize {
    const HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().expect("4 bytes"));
    let frame = FRAME_HEADER + number(8) as usize;
    let (mut begins, mut next) = (HEADER, HEADER);
    let frames = (HEADER..).step_by(frame);
    for at in frames.take_while(|at| at + frame <= log.len() && log[at + 8..at + 16] == log[16..24])
    {
        let is_commit = number(at + 4) != 0;
        if is_commit {
            (begins, next) = (next, at + frame);
        }
    }
    begins
}

/// Returns the files below a folder, in order.
fn below(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let target = if path.is_dir() {
                &mut folders
            } else {
                &mut files
            };
            target.push(path);
        }
    }
    files.sort();
    files
}
