//! `event-history keys`.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{find, json_line, note, open, print_json, shown_time, until_stopped};
use crate::cli::terminal::{Style, Table, parse_time, print, visible};
use crate::client::KeyEntry;
use crate::config::{AdminArguments, Problems, local_time_zone};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// List the keys that were not revoked
    List(ListOptions),
    /// Make a key, and print it
    ///
    /// Prints the key, and nothing else, on standard output: it is shown this once. `event-history keys
    /// create reports --scope read --tenant alx_demo --expires-at 2027-01-01` makes a key that reads the
    /// history of one tenant.
    Create(CreateOptions),
    /// Revoke a key: within 5 s no replica of the service accepts it any more
    Revoke(RevokeOptions),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ListOptions {
    /// Print keys as the API returns them, one a line, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: AdminArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateOptions {
    /// A name for people
    #[arg(value_name = "NAME")]
    name: String,
    /// Scope of the key; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<ScopeOption>,
    /// Client id or database name of the one tenant that the key is for [default: all tenants]
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// When the key expires, such as 2027-01-01 or 2027-01-01T12:00:00Z [default: never]
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Print what the API returns, the key included
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: AdminArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeOption {
    /// Sending events, and uploading their files
    Write,
    /// Reading histories, their files included
    Read,
    /// Everything else
    Admin,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RevokeOptions {
    /// Id of the key
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    service: AdminArguments,
}

pub(in crate::cli) async fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(options) => until_stopped(list(options)).await,
        Command::Create(options) => until_stopped(create(options)).await,
        Command::Revoke(options) => until_stopped(revoke(options)).await,
    }
}

async fn list(options: &ListOptions) -> anyhow::Result<()> {
    let keys = open(&options.service)?.keys().await?;
    if options.json {
        let lines: String = keys.iter().map(json_line).collect();
        return print(&lines).map(drop);
    }
    let zone = local_time_zone();
    let mut table = Table::new(&[
        ("ID", Style::Dim),
        ("SCOPES", Style::Colored),
        ("TENANT", Style::Plain),
        ("EXPIRES", Style::Plain),
        ("LAST USED", Style::Plain),
        ("NAME", Style::Strong),
    ]);
    let mut rows = Vec::new();
    for key in keys {
        let KeyEntry {
            id,
            name,
            scopes,
            client_id,
            expires_at,
            last_used_at,
        } = KeyEntry::parse(&key)?;
        let shown = [
            id,
            scopes.join(" "),
            client_id.unwrap_or_else(|| "all".to_owned()),
            shown_time(expires_at.as_deref(), &zone),
            shown_time(last_used_at.as_deref(), &zone),
            name,
        ];
        rows.push(Vec::from(shown.map(|it| visible(&it).into_owned())));
    }
    print(&table.lines(&rows)).map(drop)
}

async fn create(options: &CreateOptions) -> anyhow::Result<()> {
    let expires_at = options.expires_at.as_deref();
    let expires_at = expires_at.map(|text| parse_time(text, &local_time_zone()));
    let expires_at = expires_at.transpose();
    let expires_at =
        expires_at.map_err(|problem| Problems(vec![format!("--expires-at: {problem}")]))?;
    let client = open(&options.service)?;
    let tenant = match &options.tenant {
        Some(named) => Some(find(&client, named).await?.client_id),
        None => None,
    };
    let scopes: Vec<&str> = options.scopes.iter().map(|it| it.name()).collect();
    let body = json!({
        "name": options.name,
        "scopes": scopes,
        "client_id": tenant,
        "expires_at": expires_at.map(|it| it.to_string()),
    });
    let created = client.create_key(&body).await?;
    if options.json {
        return print_json(&created.answer);
    }
    print(&format!("{}\n", visible(&created.key)))?;
    note(&format!("the key {} is shown this once", created.id));
    Ok(())
}

impl ScopeOption {
    const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

async fn revoke(options: &RevokeOptions) -> anyhow::Result<()> {
    let client = open(&options.service)?;
    client.revoke_key(&options.id).await?;
    note(&format!("revoked {}", options.id));
    Ok(())
}
