//! The content of a kept demo: a tenant with a month of contracts, their changes and their documents.

use anyhow::{Context, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::contracts::{Act, Contract};

const TENANT: &str = "riverside_contracts";
const LABEL: &str = "Riverside Contracts";
const EVENTS: usize = 500;
const DAYS: u32 = 30;

/// Between the events of one act.
const PACE: SignedDuration = SignedDuration::from_secs(2);

/// Contracts begin one after the other, this many acts apart.
const ACTS_APART: usize = 16;

/// Every so many acts one comes with a document.
const ACTS_PER_DOCUMENT: usize = 40;

/// The longest that a view token lives.
const TOKEN_SECONDS: u32 = 86_400;

/// The size of the story, and a token that opens it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) events: usize,
    pub(super) days: u32,
    pub(super) view_token: SecretString,
}

/// Creates the tenant, sends its events, which end at `now`, and returns a view token for it.
pub(super) async fn tell(base: &str, api_key: &str, now: Timestamp) -> anyhow::Result<Told> {
    let mut service = Service {
        client: Client::builder().no_proxy().build()?,
        base,
        api_key,
        client_id: String::new(),
    };
    let body = json!({"database_name": TENANT, "client_label": LABEL});
    let tenant = service.post("/api/initialize-tenant", &body).await?;
    service.client_id = text(&tenant, "client_id")?;

    let acts = acts(&service).await?;
    let events = events(&acts, now);
    let sent = service.post("/api/events", &Value::from(events)).await?;
    ensure!(
        sent["stored"] == EVENTS,
        "not all events were stored: {sent}"
    );
    let body = json!({"expires_in": TOKEN_SECONDS});
    let token = service.post("/api/view-tokens", &body).await?;
    Ok(Told {
        events: EVENTS,
        days: DAYS,
        view_token: SecretString::from(text(&token, "token")?),
    })
}

/// Returns acts with as many events as are needed, and uploads the documents among them.
async fn acts(service: &Service<'_>) -> anyhow::Result<Vec<Act>> {
    let mut contracts: Vec<Contract> = (0..Contract::COUNT).map(Contract::new).collect();
    let mut acts: Vec<Act> = Vec::new();
    let mut count = 0;
    while count < EVENTS {
        let number = acts.len();
        let begun = (number / ACTS_APART + 1).min(contracts.len());
        // Each begins in its time; 31 has no common factor with the number of those that have begun.
        let is_beginning = number == (begun - 1) * ACTS_APART;
        let index = if is_beginning {
            begun - 1
        } else {
            (number * 31 + number / 5) % begun
        };
        let name = format!("{} {number}.txt", Contract::title(index));
        let document = if number % ACTS_PER_DOCUMENT == ACTS_PER_DOCUMENT - 1 {
            let text = format!(
                "{}\n\nDraft {number}. The parties agree that every event is kept, and every file with it.\n",
                Contract::title(index)
            );
            Some(service.upload(&name, text.into_bytes()).await?)
        } else {
            None
        };
        let document = document.as_deref().map(|id| (id, name.as_str()));
        let act = contracts[index].next(document);
        count += act.events.len();
        acts.push(act);
    }
    // The last act makes the number exact, and the end of one contract.
    let surplus = count - EVENTS + 1;
    let last = acts.last_mut().context("there are acts")?;
    last.events
        .truncate(last.events.len().saturating_sub(surplus));
    acts.push(contracts[1].deleted());
    Ok(acts)
}

/// Spreads the acts over the days before `now`, and returns their events.
fn events(acts: &[Act], now: Timestamp) -> Vec<Value> {
    let span = SignedDuration::from_hours(24 * i64::from(DAYS));
    let step = span / i32::try_from(acts.len()).unwrap_or(i32::MAX);
    let mut time = now - span;
    let mut events = Vec::new();
    for (act, number) in acts.iter().zip(0_i32..) {
        // Not at equal distances, but in their order.
        let mut at = time + step / 100 * (number * 37 % 100);
        for (type_id, data) in &act.events {
            let id = format!("{TENANT}/{}", events.len());
            events.push(json!({
                "event_id": Uuid::new_v5(&Uuid::NAMESPACE_URL, id.as_bytes()),
                "event_time": format!("{at:.3}"),
                "event_type_id": type_id,
                "record_id": act.record_id,
                "source_id": act.source.id,
                "source_type_id": act.source.type_id,
                "source_name": act.source.name,
                "source_info": act.source.info,
                "event_data": data,
            }));
            at += PACE;
        }
        time += step;
    }
    events
}

/// The service, as the demo's caller sees it.
struct Service<'a> {
    client: Client,
    base: &'a str,
    api_key: &'a str,
    /// Empty until there is a tenant.
    client_id: String,
}

impl Service<'_> {
    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Uploads a text and returns its file id.
    async fn upload(&self, name: &str, bytes: Vec<u8>) -> anyhow::Result<String> {
        let digest = BASE64_STANDARD.encode(Sha256::digest(&bytes));
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("file_name", name)
            .append_pair("content_type", "text/plain")
            .append_pair("content_length", &bytes.len().to_string())
            .append_pair("checksum_sha256", &digest)
            .finish();
        let path = format!("/api/files/upload-url?{query}");
        let upload = self.call(Method::GET, &path, None).await?;
        let mut request = self.client.put(text(&upload, "upload_url")?).body(bytes);
        for (name, value) in upload["headers"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        // Presigned URLs are secrets and must not appear in error messages.
        let response = request.send().await.map_err(reqwest::Error::without_url)?;
        let status = response.status();
        ensure!(status.is_success(), "the upload of {name} failed: {status}");
        text(&upload, "file_id")
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .header("X-API-Key", self.api_key);
        if !self.client_id.is_empty() {
            request = request.header("X-Client-Id", &self.client_id);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let answer = response.text().await?;
        ensure!(status.is_success(), "{path} answered {status}: {answer}");
        serde_json::from_str(&answer).with_context(|| format!("{path} did not answer JSON"))
    }
}

fn text(answer: &Value, name: &str) -> anyhow::Result<String> {
    let text = answer[name].as_str();
    Ok(text
        .with_context(|| format!("the answer has no {name}"))?
        .to_owned())
}
