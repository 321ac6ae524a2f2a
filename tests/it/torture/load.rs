//! Load by several writers who try again, and what each of them was promised at which length of the record.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::{Method, StatusCode};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::dice::Dice;
use super::form::{form_body, form_type};
use super::ledger::{Ledger, SentEvent, SentFile, SentTenant};
use super::record::Recorder;
use crate::support::{Server, Tenant, event};

/// Those that stay; others come and go.
pub(super) const TENANTS: usize = 3;
const WRITERS: u64 = 8;
const MAX_EVENT_BYTES: u64 = 12_000;
const MAX_FILE_BYTES: u64 = 60_000;
/// A first part that is not the last has 5 MiB at least: seldom, or the record is nothing else.
const TWO_PARTS_EVERY: u64 = 40;
const FIRST_PART_BYTES: usize = 5 * 1024 * 1024;

/// A run is extended until enough requests succeeded, since a busy machine is slow, but no longer than this.
const LEAST_ACKNOWLEDGED: usize = 60;
const LONGEST_RUN: Duration = Duration::from_secs(15);

const PAUSE_BEFORE_RETRY: Duration = Duration::from_millis(20);

/// Writers on a server.
pub(super) struct Load<'a> {
    server: &'a Server,
    recorder: &'a Recorder,
    ledger: RefCell<&'a mut Ledger>,
    acknowledged: Cell<usize>,
    is_over: Cell<bool>,
}

/// The server is gone.
struct Gone;

/// Lets writers loose on the server until it is killed, `load` later.
pub(super) async fn load_until_killed(
    server: &Server,
    recorder: &Recorder,
    ledger: &mut Ledger,
    load: Duration,
    seed: u64,
    trouble: impl Future<Output = ()>,
) {
    let writers = Load {
        server,
        recorder,
        ledger: RefCell::new(ledger),
        acknowledged: Cell::new(0),
        is_over: Cell::new(false),
    };
    let writing = join_all(
        (0..WRITERS).map(|number| writers.write(Dice::seeded(seed ^ (number << 32)), number)),
    );
    let end = async {
        tokio::select! {
            () = trouble => {}
            () = writers.enough(load) => {}
        }
        recorder.end_run(|| server.kill());
        writers.is_over.set(true);
    };
    tokio::join!(writing, end);
}

impl Load<'_> {
    /// Waits for so long, and until something has come through.
    async fn enough(&self, load: Duration) {
        let begin = Instant::now();
        tokio::time::sleep(load).await;
        while self.acknowledged.get() < LEAST_ACKNOWLEDGED && begin.elapsed() < LONGEST_RUN {
            tokio::time::sleep(PAUSE_BEFORE_RETRY).await;
        }
    }

    /// Writes until the server is gone.
    async fn write(&self, mut dice: Dice, number: u64) {
        loop {
            let step = match (number, dice.below(8)) {
                (0, _) => self.come_and_go(&mut dice).await,
                (_, 0) => self.put(&mut dice).await,
                (_, 1) => self.put_in_parts(&mut dice).await,
                (_, 2) => self.post_form(&mut dice).await,
                _ => {
                    let tenant = dice.index(TENANTS);
                    self.event(&mut dice, tenant, None).await
                }
            };
            if step.is_err() || self.is_over.get() {
                return;
            }
        }
    }

    /// Sends a request until it is answered by something else than a 503.
    async fn send(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<(StatusCode, Vec<u8>, Option<String>), Gone> {
        loop {
            let response = request().send().await.map_err(|_| Gone)?;
            let status = response.status();
            let etag = response.headers().get("etag");
            let etag = etag.and_then(|it| it.to_str().ok()).map(ToOwned::to_owned);
            let body = response.bytes().await.map_err(|_| Gone)?;
            if status != StatusCode::SERVICE_UNAVAILABLE {
                return Ok((status, body.to_vec(), etag));
            }
            self.ledger.borrow_mut().refused += 1;
            tokio::time::sleep(PAUSE_BEFORE_RETRY).await;
        }
    }

    /// The same; any other answer than `success` is noted as unexpected, and then it is `None`.
    async fn send_for(
        &self,
        what: &str,
        success: StatusCode,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Option<(Vec<u8>, Option<String>)>, Gone> {
        let (status, body, etag) = self.send(request).await?;
        if status == success {
            return Ok(Some((body, etag)));
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        let mut ledger = self.ledger.borrow_mut();
        ledger.unexpected.push(format!("{what}: {status} {body}"));
        Ok(None)
    }

    async fn send_for_json(
        &self,
        what: &str,
        success: StatusCode,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Option<Value>, Gone> {
        let answer = self.send_for(what, success, request).await?;
        Ok(answer.map(|(body, _)| serde_json::from_slice(&body).expect("JSON")))
    }

    fn tenant(&self, place: usize) -> Tenant {
        self.ledger.borrow().tenants[place].tenant.clone()
    }

    async fn event(
        &self,
        dice: &mut Dice,
        place: usize,
        file_id: Option<String>,
    ) -> Result<(), Gone> {
        let tenant = self.tenant(place);
        let mut detail = event();
        let id = detail["event_id"].as_str().expect("an id").to_owned();
        // Most are small, so that many share a page.
        let length = if dice.below(8) == 0 {
            dice.below(MAX_EVENT_BYTES)
        } else {
            dice.below(300)
        };
        let data = json!([
            id,
            "x".repeat(usize::try_from(length).expect("a small number"))
        ]);
        detail["event_data"] = data.clone();
        if let Some(file_id) = &file_id {
            detail["file_id"] = file_id.as_str().into();
        }
        let sent = {
            let mut ledger = self.ledger.borrow_mut();
            let (tenant, id) = (place, id.clone());
            ledger.events.push(SentEvent {
                tenant,
                id,
                data,
                file_id,
                acknowledged_at: None,
            });
            ledger.events.len() - 1
        };
        let deliver = || self.server.delivery(&tenant, &detail);
        if self
            .send_for("an event", StatusCode::CREATED, deliver)
            .await?
            .is_some()
        {
            let at = self.recorder.position();
            self.ledger.borrow_mut().events[sent].acknowledged_at = Some(at);
            self.acknowledged.set(self.acknowledged.get() + 1);
        }
        Ok(())
    }

    fn note_file(&self, tenant: usize, id: &str, bytes: &[u8]) -> usize {
        let mut ledger = self.ledger.borrow_mut();
        ledger.files.push(SentFile {
            tenant,
            id: id.to_owned(),
            bytes: bytes.to_vec(),
            acknowledged_at: None,
        });
        ledger.files.len() - 1
    }

    /// Notes that a file was acknowledged, and sends the event that references it.
    async fn file_is_there(
        &self,
        dice: &mut Dice,
        place: usize,
        file: usize,
        id: String,
    ) -> Result<(), Gone> {
        let at = self.recorder.position();
        self.ledger.borrow_mut().files[file].acknowledged_at = Some(at);
        self.event(dice, place, Some(id)).await
    }

    fn random_file(dice: &mut Dice) -> Vec<u8> {
        let length = dice.below(MAX_FILE_BYTES);
        dice.bytes(usize::try_from(length).expect("a small number"))
    }

    async fn put(&self, dice: &mut Dice) -> Result<(), Gone> {
        let place = dice.index(TENANTS);
        let tenant = self.tenant(place);
        let ask = || {
            self.server
                .request_as(&tenant, Method::GET, "/api/files/upload-url")
        };
        let Some(answer) = self
            .send_for_json("an upload URL", StatusCode::OK, ask)
            .await?
        else {
            return Ok(());
        };
        let (id, url) = (text(&answer, "file_id"), text(&answer, "upload_url"));
        let bytes = Self::random_file(dice);
        let file = self.note_file(place, &id, &bytes);
        let put = || self.server.client().put(&url).body(bytes.clone());
        match self.send_for("a PUT", StatusCode::OK, put).await? {
            Some(_) => self.file_is_there(dice, place, file, id).await,
            None => Ok(()),
        }
    }

    async fn post_form(&self, dice: &mut Dice) -> Result<(), Gone> {
        let place = dice.index(TENANTS);
        let tenant = self.tenant(place);
        let ask = || {
            let request = self
                .server
                .request_as(&tenant, Method::POST, "/api/files/upload-form");
            request.json(&json!({}))
        };
        let Some(answer) = self.send_for_json("a form", StatusCode::OK, ask).await? else {
            return Ok(());
        };
        let (id, url) = (text(&answer, "file_id"), text(&answer, "url"));
        let bytes = Self::random_file(dice);
        let file = self.note_file(place, &id, &bytes);
        let body = form_body(&answer["fields"], &bytes);
        let post = || {
            let request = self.server.client().post(&url).body(body.clone());
            request.header("Content-Type", form_type())
        };
        match self
            .send_for("a form's POST", StatusCode::NO_CONTENT, post)
            .await?
        {
            Some(_) => self.file_is_there(dice, place, file, id).await,
            None => Ok(()),
        }
    }

    async fn put_in_parts(&self, dice: &mut Dice) -> Result<(), Gone> {
        let place = dice.index(TENANTS);
        let tenant = self.tenant(place);
        let mut bytes = Self::random_file(dice);
        bytes.push(0);
        if dice.below(TWO_PARTS_EVERY) == 0 {
            bytes.resize(FIRST_PART_BYTES + bytes.len(), 7);
        }
        let post = |target: &str, body: &Value| {
            self.server
                .request_as(&tenant, Method::POST, target)
                .json(body)
        };
        let wish = json!({ "content_length": bytes.len(), "part_size": FIRST_PART_BYTES });
        let ask = || post("/api/files/multipart", &wish);
        let Some(begun) = self
            .send_for_json("an upload in parts", StatusCode::CREATED, ask)
            .await?
        else {
            return Ok(());
        };
        let (id, upload_id) = (text(&begun, "file_id"), text(&begun, "upload_id"));
        let file = self.note_file(place, &id, &bytes);
        let mut tags = Vec::new();
        for (part, bytes) in begun["parts"]
            .as_array()
            .expect("parts")
            .iter()
            .zip(bytes.chunks(FIRST_PART_BYTES))
        {
            let url = text(part, "upload_url");
            let put = || self.server.client().put(&url).body(bytes.to_vec());
            let Some((_, etag)) = self.send_for("a part", StatusCode::OK, put).await? else {
                return Ok(());
            };
            tags.push(json!({ "part_number": part["part_number"], "etag": etag }));
        }
        if dice.below(8) == 0 {
            return Ok(()); // somebody who never comes back
        }
        let target = format!("/api/files/multipart/{id}/complete");
        let body = json!({ "upload_id": upload_id, "parts": tags });
        match self
            .send_for("completing", StatusCode::OK, || post(&target, &body))
            .await?
        {
            Some(_) => self.file_is_there(dice, place, file, id).await,
            None => Ok(()),
        }
    }

    /// Makes a tenant, gives it an event, and removes every other one.
    async fn come_and_go(&self, dice: &mut Dice) -> Result<(), Gone> {
        let name = format!("churn_{}", crate::support::uuid());
        let body = json!({ "database_name": name, "client_label": "comes and goes" });
        let make = || {
            self.server
                .request(Method::POST, "/api/initialize-tenant")
                .json(&body)
        };
        let (status, answer, _) = self.send(make).await?;
        let is_retry = answer.windows(5).any(|it| it == b"exist");
        match status {
            StatusCode::CREATED => {}
            // An attempt that was answered 503 has come through.
            StatusCode::BAD_REQUEST if is_retry => return Ok(()),
            status => {
                let answer = String::from_utf8_lossy(&answer).into_owned();
                let mut ledger = self.ledger.borrow_mut();
                ledger
                    .unexpected
                    .push(format!("a tenant: {status} {answer}"));
                return Ok(());
            }
        }
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let tenant = Tenant {
            client_id: text(&answer, "client_id"),
            client_secret: text(&answer, "client_secret"),
            database_name: name,
        };
        let place = {
            let mut ledger = self.ledger.borrow_mut();
            ledger.tenants.push(SentTenant {
                tenant: tenant.clone(),
                created_at: self.recorder.position(),
                deletion_asked_at: None,
                deleted_at: None,
            });
            ledger.tenants.len() - 1
        };
        self.event(dice, place, None).await?;
        if dice.below(2) == 0 {
            return Ok(());
        }
        self.ledger.borrow_mut().tenants[place].deletion_asked_at = Some(self.recorder.position());
        let remove = || {
            self.server
                .request_as(&tenant, Method::DELETE, "/api/delete-tenant")
        };
        let (status, answer, _) = self.send(remove).await?;
        let mut ledger = self.ledger.borrow_mut();
        match status {
            StatusCode::OK => ledger.tenants[place].deleted_at = Some(self.recorder.position()),
            StatusCode::BAD_REQUEST => {} // likewise
            status => {
                let answer = String::from_utf8_lossy(&answer).into_owned();
                ledger
                    .unexpected
                    .push(format!("a deletion: {status} {answer}"));
            }
        }
        Ok(())
    }
}

fn text(answer: &Value, member: &str) -> String {
    let text = answer[member].as_str();
    text.unwrap_or_else(|| panic!("no {member} in {answer}"))
        .to_owned()
}
