//! Holds what a server has after a power cut against what was promised until then.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use http::{Method, StatusCode};
use rusty_s3::S3Action;
use serde_json::Value;

use super::ledger::{Ledger, SentEvent, SentFile, SentTenant};
use crate::support::{Server, Storage, Tenant};

/// Returns what is wrong; `cut` is the length of the record at the power cut.
pub(super) async fn problems(server: &Server, ledger: &Ledger, cut: u64) -> Vec<String> {
    let mut problems = Vec::new();
    for (place, sent) in ledger.tenants.iter().enumerate() {
        if sent.created_at <= cut {
            problems.extend(of_tenant(server, ledger, place, sent, cut).await);
        }
    }
    let storage = server.embedded_storage();
    for file in &ledger.files {
        let tenant = &ledger.tenants[file.tenant].tenant;
        problems.extend(of_file(server, &storage, tenant, file, cut).await);
    }
    problems
}

fn by(cut: u64, at: Option<u64>) -> bool {
    at.is_some_and(|at| at <= cut)
}

async fn of_tenant(
    server: &Server,
    ledger: &Ledger,
    place: usize,
    sent: &SentTenant,
    cut: u64,
) -> Vec<String> {
    let name = &sent.tenant.database_name;
    let found = match history(server, &sent.tenant).await {
        Ok(events) => events,
        Err(refusal) => {
            // What was asked to go may be half gone, and is gone then.
            let may_be_gone = by(cut, sent.deletion_asked_at);
            let is_told = refusal.starts_with("400");
            return if may_be_gone && is_told {
                vec![]
            } else {
                vec![format!("tenant '{name}': {refusal}")]
            };
        }
    };
    if by(cut, sent.deleted_at) {
        return vec![format!("tenant '{name}' was deleted and is there")];
    }
    let mut problems = Vec::new();
    let of_tenant = |event: &&SentEvent| event.tenant == place;
    let sent: HashMap<&str, &SentEvent> = ledger
        .events
        .iter()
        .filter(of_tenant)
        .map(|event| (event.id.as_str(), event))
        .collect();
    let mut seen = HashSet::new();
    for event in &found {
        let id = event["event_id"].as_str().expect("an id");
        if !seen.insert(id) {
            problems.push(format!("event {id} of '{name}' is there twice"));
        }
        match sent.get(id) {
            None => problems.push(format!("event {id} of '{name}' was never sent")),
            Some(sent) => {
                let file_id = event["file_id"].as_str();
                if event["event_data"] != sent.data || file_id != sent.file_id.as_deref() {
                    problems.push(format!("event {id} of '{name}' has changed"));
                }
            }
        }
    }
    for (id, event) in sent {
        if by(cut, event.acknowledged_at) && !seen.contains(id) {
            problems.push(format!(
                "event {id} of '{name}' was answered 201 and is gone"
            ));
        }
    }
    problems
}

/// Walks the pages of a tenant's history; another answer than 200, and counts that do not fit, are an error.
pub(super) async fn history(server: &Server, tenant: &Tenant) -> Result<Vec<Value>, String> {
    let mut events = Vec::new();
    let mut target = "/api/history/events?limit=1000".to_owned();
    loop {
        let request = server.request_as(tenant, Method::GET, &target);
        let response = request.send().await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = response.text().await.map_err(|error| error.to_string())?;
        if status != StatusCode::OK {
            return Err(format!("{} {body}", status.as_u16()));
        }
        let mut page: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let Value::Array(results) = page["results"].take() else {
            return Err(format!("no results in {body}"));
        };
        events.extend(results);
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut target),
            None if page["total_count"] == events.len() => return Ok(events),
            None => {
                return Err(format!(
                    "{} events are {}",
                    events.len(),
                    page["total_count"]
                ));
            }
        }
    }
}

async fn of_file(
    server: &Server,
    storage: &Storage,
    tenant: &Tenant,
    file: &SentFile,
    cut: u64,
) -> Option<String> {
    let key = format!("{}/{}", tenant.database_name, file.id);
    match download(server, storage, &key).await {
        Ok(Some(bytes)) if bytes == file.bytes => None,
        Ok(Some(_)) => Some(format!("file {key} has other bytes")),
        Ok(None) if by(cut, file.acknowledged_at) => {
            Some(format!("file {key} was acknowledged and is gone"))
        }
        Ok(None) => None,
        Err(refusal) => Some(format!("file {key}: {refusal}")),
    }
}

/// Returns the bytes behind a key; `None` where storage says that there are none.
pub(super) async fn download(
    server: &Server,
    storage: &Storage,
    key: &str,
) -> Result<Option<Vec<u8>>, String> {
    let (bucket, credentials) = (storage.bucket(), storage.credentials());
    let url = bucket
        .get_object(Some(&credentials), key)
        .sign(Duration::from_mins(1));
    let response = server
        .client()
        .get(url)
        .send()
        .await
        .map_err(|error| error.to_string())?;
    match response.status() {
        StatusCode::OK => {
            let bytes = response.bytes().await.map_err(|error| error.to_string())?;
            Ok(Some(bytes.to_vec()))
        }
        StatusCode::NOT_FOUND => Ok(None),
        status => {
            let body = response.text().await.unwrap_or_default();
            Err(format!("{} {body}", status.as_u16()))
        }
    }
}
