//! What a service makes of damage.

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::stage::{Actor, Kind, Stage};
use crate::support::{Server, event};
use crate::torture::verify;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All that was acknowledged is answered.
    Harmless,
    /// The start, or what the damage touches, is refused, and the file is named.
    Refused(String),
    /// Events are missing, and nothing on the disk tells it from a power cut.
    CannotBeTold(String),
    Wrong(String),
}

/// What one request met.
#[derive(Debug)]
enum Met {
    Right,
    /// Refused with a 5xx, or a body that ended early.
    Refused(String),
    Missing(String),
    Wrong(String),
}

impl Outcome {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Refused(_) => "refused",
            Self::CannotBeTold(_) => "cannot be told",
            Self::Wrong(_) => "WRONG",
        }
    }
}

impl Display for Outcome {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Harmless => formatter.write_str(self.name()),
            Self::Refused(how) | Self::CannotBeTold(how) | Self::Wrong(how) => {
                write!(formatter, "{}: {}", self.name(), how.trim_end())
            }
        }
    }
}

/// Judges a service that was started, or not, on a folder whose file `path` is damaged: the first tenant's, or
/// everybody's. What is missing for it may be so if that cannot be told from a power cut.
pub(super) async fn judge(
    stage: &Stage,
    kind: &Kind,
    path: &Path,
    may_be_missing: bool,
    server: Result<Server, String>,
) -> Outcome {
    let name = path
        .file_name()
        .expect("a file has a name")
        .to_str()
        .expect("a name of UTF-8");
    // A log is named by its database, too.
    let name = name.trim_end_matches("-wal").trim_end_matches("-shm");
    let server = match server {
        Ok(server) => server,
        Err(said) => {
            let end: String = said.lines().skip(1).collect::<Vec<_>>().join(" ");
            return match () {
                () if said.contains("panicked") => Outcome::Wrong(format!("a panic: {end}")),
                () if !kind.is_shared() => Outcome::Wrong(format!("no tenant is served: {end}")),
                () if !said.contains(name) => Outcome::Wrong(format!("not named: {end}")),
                () => Outcome::Refused(format!("the start: {end}")),
            };
        }
    };
    let mut met = Vec::new();
    for (place, actor) in stage.actors.iter().enumerate() {
        let is_touched = place == 0 || kind.is_shared();
        for answer in use_as(&server, actor).await {
            met.push(match answer {
                Met::Refused(how) | Met::Missing(how) if !is_touched => {
                    Met::Wrong(format!("another tenant: {how}"))
                }
                answer => answer,
            });
        }
    }
    let said = server.process().stderr();
    if said.contains("panicked") {
        return Outcome::Wrong(format!("a panic: {said}"));
    }
    // The file of an event is named by its id, too.
    let ids = stage.actors[0].files.iter().map(|it| it.file_id.as_str());
    let is_named = ids.chain([name]).any(|it| said.contains(it));
    summarize(met, is_named, may_be_missing)
}

fn summarize(met: Vec<Met>, is_named: bool, may_be_missing: bool) -> Outcome {
    let mut outcome = Outcome::Harmless;
    for met in met {
        match met {
            Met::Right => {}
            Met::Missing(how) if may_be_missing => outcome = Outcome::CannotBeTold(how),
            Met::Wrong(how) | Met::Missing(how) => return Outcome::Wrong(how),
            Met::Refused(how) if !is_named => return Outcome::Wrong(format!("not named: {how}")),
            Met::Refused(how) => {
                if outcome == Outcome::Harmless {
                    outcome = Outcome::Refused(how);
                }
            }
        }
    }
    outcome
}

/// How the documentation has it that a tenant has an entry and no database.
const ABSENT: &str = "tenant not found in database.";

/// Asks for everything that a tenant was promised, and writes something new.
async fn use_as(server: &Server, actor: &Actor) -> Vec<Met> {
    let mut met = vec![history(server, actor).await];
    for file in &actor.files {
        let target = format!("/api/history/events/{}/file", file.event_id);
        met.push(file_of(server, actor, &target, &file.bytes).await);
    }
    met.push(resume(server, actor).await);
    let detail = event();
    let sent = server.delivery(&actor.tenant, &detail).send().await;
    met.push(status("a new event", sent, StatusCode::CREATED).await);
    met
}

async fn history(server: &Server, actor: &Actor) -> Met {
    let name = &actor.tenant.database_name;
    let found = match verify::history(server, &actor.tenant).await {
        Ok(found) => found,
        Err(refusal) if refusal.starts_with("50") => {
            return Met::Refused(format!("{name}: {refusal}"));
        }
        Err(refusal) if refusal.contains(ABSENT) => {
            return Met::Missing(format!("{name}: {refusal}"));
        }
        Err(refusal) => return Met::Wrong(format!("{name}: {refusal}")),
    };
    let by_id: HashMap<&str, &Value> = found
        .iter()
        .map(|it| (it["event_id"].as_str().expect("an id"), it))
        .collect();
    let mut missing = 0;
    for sent in &actor.events {
        match by_id.get(sent["event_id"].as_str().expect("an id")) {
            None => missing += 1,
            Some(found) => {
                for member in [
                    "event_time",
                    "event_type_id",
                    "record_id",
                    "source_id",
                    "source_type_id",
                    "event_data",
                ] {
                    if found[member] != sent[member] {
                        return Met::Wrong(format!("{name}: {member} is {}", found[member]));
                    }
                }
                if sent
                    .get("file_id")
                    .is_some_and(|it| *it != found["file_id"])
                {
                    return Met::Wrong(format!("{name}: a file is {}", found["file_id"]));
                }
            }
        }
    }
    if found.len() + missing != actor.events.len() {
        return Met::Wrong(format!(
            "{name}: {} events, of {}",
            found.len(),
            actor.events.len()
        ));
    }
    if missing > 0 {
        return Met::Missing(format!(
            "{name}: {missing} of {} events are missing",
            actor.events.len()
        ));
    }
    Met::Right
}

/// Downloads a file as its event leads to it.
async fn file_of(server: &Server, actor: &Actor, target: &str, expected: &[u8]) -> Met {
    let name = &actor.tenant.database_name;
    let request = server.request_as(&actor.tenant, Method::GET, target);
    let response = request.send().await.expect("the server answers");
    match response.status() {
        StatusCode::OK => {}
        // Its event is missing, which the history has told.
        StatusCode::NOT_FOUND => return Met::Missing(format!("{name}: a file's event is missing")),
        status if status.is_server_error() || status == StatusCode::CONFLICT => {
            return Met::Refused(format!("{name}: a file's URL: {status}"));
        }
        status => {
            let body = response.text().await.unwrap_or_default();
            let how = format!("{name}: a file's URL: {status} {body}");
            return if body.contains(ABSENT) {
                Met::Missing(how)
            } else {
                Met::Wrong(how)
            };
        }
    }
    let answer: Value = response.json().await.expect("JSON");
    let url = answer["download_url"].as_str().expect("a URL");
    let Ok(response) = server.client().get(url).send().await else {
        return Met::Refused(format!("{name}: a download is not answered"));
    };
    let status = response.status();
    match (status, response.bytes().await) {
        (StatusCode::OK, Ok(bytes)) if bytes == expected => Met::Right,
        (StatusCode::OK, Ok(_)) => Met::Wrong(format!("{name}: a download has other bytes")),
        (StatusCode::OK, Err(_)) => Met::Refused(format!("{name}: a download breaks off")),
        (status, _) if status.is_server_error() => {
            Met::Refused(format!("{name}: a download: {status}"))
        }
        (status, _) => Met::Wrong(format!("{name}: a download: {status}")),
    }
}

/// Completes the unfinished upload. Nobody was promised that it can be; what becomes a file has its bytes.
async fn resume(server: &Server, actor: &Actor) -> Met {
    let upload = &actor.unfinished;
    let name = &actor.tenant.database_name;
    let target = format!("/api/files/multipart/{}/complete", upload.file_id);
    let request = server.request_as(&actor.tenant, Method::POST, &target);
    let request = request.json(&json!({ "upload_id": upload.upload_id }));
    let response = request.send().await.expect("the server answers");
    match response.status() {
        StatusCode::OK => {}
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => return Met::Right,
        status => return Met::Refused(format!("{name}: completing: {status}")),
    }
    let key = format!("{name}/{}", upload.file_id);
    match verify::download(server, &server.embedded_storage(), &key).await {
        Ok(Some(bytes)) if bytes == upload.bytes => Met::Right,
        Ok(Some(_)) => Met::Wrong(format!("{name}: a completed upload has other bytes")),
        Ok(None) => Met::Wrong(format!("{name}: a completed upload is gone")),
        Err(refusal) => Met::Refused(format!("{name}: a completed upload: {refusal}")),
    }
}

async fn status(
    what: &str,
    answer: reqwest::Result<reqwest::Response>,
    expected: StatusCode,
) -> Met {
    let response = answer.expect("the server answers");
    let status = response.status();
    let body = response.text().await.unwrap_or_default();
    match status {
        status if status == expected => Met::Right,
        status if status.is_server_error() => Met::Refused(format!("{what}: {status} {body}")),
        status if body.contains(ABSENT) => Met::Missing(format!("{what}: {status} {body}")),
        status => Met::Wrong(format!("{what}: {status} {body}")),
    }
}
