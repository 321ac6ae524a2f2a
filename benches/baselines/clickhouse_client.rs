//! Shared by the baselines on ClickHouse: a client like the service's, and the tenants to ask for.

use std::path::Path;

use anyhow::Context;
use clickhouse::Client;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use uuid::Uuid;

pub(super) fn connect(url: &str) -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true); // as the service does: Nagle's algorithm would add waits that are not part of a baseline
    Client::with_http_client(HyperClient::builder(TokioExecutor::new()).build(connector))
        .with_url(url)
        .with_setting("async_insert", "0")
        .with_validation(false)
}

/// A tenant, and the id of one of its events.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) client_id: Uuid,
    pub(super) event_id: Uuid,
}

/// Reads keys, one a line: a client id and an event id.
pub(super) fn read_keys(path: &Path) -> anyhow::Result<Vec<Key>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let keys: anyhow::Result<Vec<Key>> = text.lines().map(key).collect();
    let keys = keys.with_context(|| path.display().to_string())?;
    anyhow::ensure!(!keys.is_empty(), "{} is empty", path.display());
    Ok(keys)
}

fn key(line: &str) -> anyhow::Result<Key> {
    let (client_id, event_id) = line.split_once(' ').context("a line has two ids")?;
    Ok(Key {
        client_id: client_id.parse()?,
        event_id: event_id.parse()?,
    })
}
