//! `event-history tenants`.

use std::io::{self, BufRead, IsTerminal};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{
    find, find_in, json_line, note, open, print_facts, print_json, shown_time, tenant_repair,
    until_stopped,
};
use crate::cli::terminal::{Reader, Style, Table, print, visible};
use crate::client::{Client, TenantDetails, TenantEntry};
use crate::config::{AdminArguments, AdoptArguments, RemoveArguments, local_time_zone};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// List tenants by their database names
    List(ListOptions),
    /// Show a tenant, and what it has
    Show(ShowOptions),
    /// Create a tenant, and print its client id and its secret
    ///
    /// The secret is shown this once.
    Create(CreateOptions),
    /// Give a tenant another label
    Label(LabelOptions),
    /// Give a tenant another secret, and print it
    ///
    /// Prints the secret, and nothing else, on standard output: it is shown this once. The previous one is
    /// accepted for a while.
    RotateSecret(RotateOptions),
    /// Delete a tenant with its events, for good
    ///
    /// Asks for the database name before it does, or takes --yes.
    Delete(DeleteOptions),
    /// Restore a deleted tenant, as long as it can be
    ///
    /// Where the operator of the service wants a delay (--deletion-delay), a deleted tenant can be restored
    /// until it has passed: `event-history tenants list --deleted` lists them.
    Restore(RestoreOptions),
    /// Restore the tenant entry of a database that has none
    ///
    /// For a stopped service on SQLite. The database contains its entry, so that the client id and secret of
    /// its callers work again. Fails if there is an entry with the name or the client id. Prints a line for
    /// each tenant, and exits with status 1 if one was not adopted.
    Adopt(#[command(flatten)] AdoptArguments),
    /// Remove a tenant that has lost its entry or its database
    ///
    /// For a stopped service on SQLite. A database without an entry is moved to the folder `removed` of the
    /// data folder: delete it there, or move it back. An entry without a database is deleted. A tenant that
    /// has both is left alone. Prints a line for each tenant, and exits with status 1 if one was not removed.
    Remove(#[command(flatten)] RemoveArguments),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ListOptions {
    /// Only tenants with this text in their name or label, or with this client id
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// List the deleted tenants that can be restored
    #[arg(long)]
    deleted: bool,
    /// Print tenants as the API returns them, one a line, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: AdminArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RestoreOptions {
    /// Client id or database name
    #[arg(value_name = "TENANT")]
    tenant: String,
    #[command(flatten)]
    service: AdminArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowOptions {
    /// Client id or database name
    #[arg(value_name = "TENANT")]
    tenant: String,
    /// Print what the API returns
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: AdminArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateOptions {
    /// Database name: 1 to 64 of letters, digits, `_` and `-`, starting with a letter or digit
    #[arg(value_name = "NAME")]
    name: String,
    /// A name for people [default: the database name]
    #[arg(long, value_name = "LABEL")]
    label: Option<String>,
    /// Where its events go on ClickHouse [default: a setting of the service]
    #[arg(long, value_name = "PLACEMENT")]
    placement: Option<PlacementOption>,
    /// Print what the API returns, the secret included
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: AdminArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PlacementOption {
    /// In tables that tenants share
    Pooled,
    /// In tables of its own
    Dedicated,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LabelOptions {
    /// Client id or database name
    #[arg(value_name = "TENANT")]
    tenant: String,
    /// The other label
    #[arg(value_name = "LABEL")]
    label: String,
    #[command(flatten)]
    service: AdminArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RotateOptions {
    /// Client id or database name
    #[arg(value_name = "TENANT")]
    tenant: String,
    /// The seconds for which the previous secret is accepted, 0 to 2592000 [default: a day]
    #[arg(long, value_name = "SECONDS")]
    overlap: Option<u64>,
    /// Print what the API returns, the secret included
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: AdminArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DeleteOptions {
    /// Client id or database name
    #[arg(value_name = "TENANT")]
    tenant: String,
    /// Delete the tenant's files too
    #[arg(long)]
    files: bool,
    /// Confirm that the tenant is to be deleted
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    service: AdminArguments,
}

pub(in crate::cli) async fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(options) => until_stopped(list(options)).await,
        Command::Show(options) => until_stopped(show(options)).await,
        Command::Create(options) => until_stopped(create(options)).await,
        Command::Label(options) => until_stopped(label(options)).await,
        Command::RotateSecret(options) => until_stopped(rotate(options)).await,
        Command::Delete(options) => until_stopped(delete(options)).await,
        Command::Restore(options) => until_stopped(restore(options)).await,
        Command::Adopt(arguments) => tenant_repair::adopt(arguments),
        Command::Remove(arguments) => tenant_repair::remove(arguments),
    }
}

async fn list(options: &ListOptions) -> anyhow::Result<()> {
    let client = open(&options.service)?;
    let zone = local_time_zone();
    let until = if options.deleted {
        "RESTORABLE UNTIL"
    } else {
        "CREATED"
    };
    let mut table = Table::new(&[
        ("NAME", Style::Strong),
        ("CLIENT ID", Style::Dim),
        (until, Style::Plain),
        ("LABEL", Style::Plain),
    ]);
    let mut cursor = None;
    loop {
        let page = client.tenants(options.text.as_deref(), options.deleted, cursor.as_deref());
        let page = page.await?;
        let lines: String = if options.json {
            page.tenants.iter().map(json_line).collect()
        } else {
            let rows = page.tenants.iter().map(|it| row(it, &zone));
            table.lines(&rows.collect::<anyhow::Result<Vec<_>>>()?)
        };
        if print(&lines)? == Reader::Gone {
            return Ok(());
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

fn row(tenant: &Value, zone: &TimeZone) -> anyhow::Result<Vec<String>> {
    let TenantEntry {
        client_id,
        database_name,
        client_label,
        created_at,
        restorable_until,
    } = TenantEntry::parse(tenant)?;
    let shown = [
        database_name,
        client_id,
        shown_time(
            Some(restorable_until.as_deref().unwrap_or(&created_at)),
            zone,
        ),
        client_label,
    ];
    Ok(shown.map(|it| visible(&it).into_owned()).into())
}

async fn show(options: &ShowOptions) -> anyhow::Result<()> {
    let client = open(&options.service)?;
    let found = find(&client, &options.tenant).await?;
    let answer = client.tenant(&found.client_id).await?;
    if options.json {
        return print_json(&answer);
    }
    let details = TenantDetails::parse(&answer)?;
    let zone = local_time_zone();
    let TenantEntry {
        client_id,
        database_name,
        client_label,
        created_at,
        restorable_until: _,
    } = details.tenant;
    print_facts(&[
        ("name", database_name),
        ("client id", client_id),
        ("label", client_label),
        ("created", shown_time(Some(&created_at), &zone)),
        ("events", details.events.to_string()),
        ("files", details.files.to_string()),
        ("bytes", details.bytes.to_string()),
        (
            "last event",
            shown_time(details.last_event_time.as_deref(), &zone),
        ),
    ])
}

async fn create(options: &CreateOptions) -> anyhow::Result<()> {
    let client = open(&options.service)?;
    let placement = options.placement.map(|it| match it {
        PlacementOption::Pooled => "pooled",
        PlacementOption::Dedicated => "dedicated",
    });
    let mut body = json!({
        "database_name": options.name,
        "client_label": options.label.as_ref().unwrap_or(&options.name),
    });
    if let Some(placement) = placement {
        body["placement"] = placement.into();
    }
    let created = client.create_tenant(&body).await?;
    if options.json {
        return print_json(&created.answer);
    }
    print_facts(&[
        ("client id", created.client_id),
        ("client secret", created.client_secret),
    ])?;
    note("the secret is shown this once");
    Ok(())
}

async fn label(options: &LabelOptions) -> anyhow::Result<()> {
    let client = open(&options.service)?;
    let found = find(&client, &options.tenant).await?;
    client
        .label_tenant(&found.client_id, &options.label)
        .await?;
    Ok(())
}

async fn rotate(options: &RotateOptions) -> anyhow::Result<()> {
    let client = open(&options.service)?;
    let found = find(&client, &options.tenant).await?;
    let rotated = client.rotate_secret(&found.client_id, options.overlap);
    let rotated = rotated.await?;
    if options.json {
        return print_json(&rotated.answer);
    }
    print(&format!("{}\n", visible(&rotated.client_secret)))?;
    let until = shown_time(Some(&rotated.previous_valid_until), &local_time_zone());
    note(&format!(
        "the secret is shown this once; the previous one is accepted until {until}"
    ));
    Ok(())
}

async fn delete(options: &DeleteOptions) -> anyhow::Result<()> {
    let client = open(&options.service)?;
    let found = find(&client, &options.tenant).await?;
    if !options.yes {
        confirm(&client, &found, options.files).await?;
    }
    let deleted = client.delete_tenant(&found.client_id, options.files);
    deleted.await?;
    note(&format!("deleted '{}'", found.database_name));
    Ok(())
}

async fn restore(options: &RestoreOptions) -> anyhow::Result<()> {
    let client = open(&options.service)?;
    let named = &options.tenant;
    let Some(found) = find_in(&client, named, true).await? else {
        bail!("no deleted tenant '{}' can be restored", visible(named));
    };
    client.restore_tenant(&found.client_id).await?;
    note(&format!("restored '{}'", found.database_name));
    Ok(())
}

/// Fails unless a person types the name of the tenant.
async fn confirm(client: &Client, tenant: &TenantEntry, files: bool) -> anyhow::Result<()> {
    let name = &tenant.database_name;
    if !io::stdin().is_terminal() {
        bail!("'{name}' was not deleted: nobody can be asked, so give --yes");
    }
    let events = client.tenant(&tenant.client_id).await?;
    let events = events.get("events").and_then(Value::as_u64);
    let events = events.unwrap_or_default();
    let files = if files { " and its files" } else { "" };
    note(&format!(
        "This deletes '{name}', its {events} events{files} for good. Type the name to confirm:"
    ));
    let typed = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let typed = typed.await?.context("cannot read standard input")?;
    if typed.trim() != name {
        bail!("'{name}' was not deleted: that is another name");
    }
    Ok(())
}
