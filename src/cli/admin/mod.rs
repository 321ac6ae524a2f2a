//! The commands of administrators: `event-history keys` and `tenants`, which call a running service, and repairs of a data
//! folder.

mod keys;
mod tenant_repair;
mod tenants;

pub(super) use keys::{Command as KeysCommand, run as keys};
pub(super) use tenants::{Command as TenantsCommand, run as tenants};

use std::process::ExitCode;

use anyhow::bail;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::process::Signals;
use super::terminal::{inert_json, local_time, print, visible};
use crate::client::{Access, Client, TenantEntry};
use crate::config::{AdminArguments, AdminConfig, LogFormat};
use crate::domain::ClientId;
use crate::telemetry;

/// Opens a client for no tenant. Its retries are logged.
fn open(arguments: &AdminArguments) -> anyhow::Result<Client> {
    let AdminConfig {
        url,
        api_key,
        retry_for,
    } = AdminConfig::load(arguments)?;
    telemetry::init_tracing(LogFormat::Text, "warn");
    Ok(Client::new(Access {
        url,
        api_key,
        client_id: String::new(),
        retry_for,
    })?)
}

/// Runs a command until it is done or a signal stops it.
async fn until_stopped(
    command: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::install()?;
    tokio::select! {
        outcome = command => outcome.map(|()| ExitCode::SUCCESS),
        status = signals.next() => Ok(ExitCode::from(status)),
    }
}

/// Returns the tenant with a client id or a database name. Where both exist, it is the one with the client id: the name of a
/// tenant may be the client id of another.
async fn find(client: &Client, named: &str) -> anyhow::Result<TenantEntry> {
    match find_in(client, named, false).await? {
        Some(found) => Ok(found),
        None => bail!("there is no tenant '{}'", visible(named)),
    }
}

/// Looks among the deleted tenants that can be restored, or among the others.
async fn find_in(
    client: &Client,
    named: &str,
    deleted: bool,
) -> anyhow::Result<Option<TenantEntry>> {
    let id = ClientId::parse(named).ok().map(|it| it.to_string());
    let (mut by_name, mut cursor) = (None, None::<String>);
    loop {
        let page = client
            .tenants(Some(named), deleted, cursor.as_deref())
            .await?;
        for tenant in &page.tenants {
            let tenant = TenantEntry::parse(tenant)?;
            let has_id = id.as_ref() == Some(&tenant.client_id);
            let has_name = tenant.database_name == named;
            if has_id || (has_name && id.is_none()) {
                return Ok(Some(tenant));
            }
            if has_name {
                by_name = Some(tenant);
            }
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(by_name);
        }
    }
}

/// Prints an answer of the API as one line of JSON.
fn print_json(answer: &Value) -> anyhow::Result<()> {
    print(&json_line(answer)).map(drop)
}

fn json_line(answer: &Value) -> String {
    inert_json(&answer.to_string()).into_owned() + "\n"
}

/// Prints lines of a name and a text each.
fn print_facts(facts: &[(&str, String)]) -> anyhow::Result<()> {
    let width = facts.iter().map(|(name, _)| name.len()).max();
    let width = width.unwrap_or_default();
    let mut lines = String::new();
    for (name, text) in facts {
        let line = format!("{name:width$}  {}", visible(text));
        lines += line.trim_end();
        lines.push('\n');
    }
    print(&lines).map(drop)
}

/// Returns an instant for people; a dash if there is none.
fn shown_time(time: Option<&str>, zone: &TimeZone) -> String {
    time.map_or_else(|| "-".to_owned(), |it| local_time(it, zone))
}

#[expect(clippy::print_stderr, reason = "not part of the result")]
fn note(line: &str) {
    eprintln!("{}", visible(line));
}
