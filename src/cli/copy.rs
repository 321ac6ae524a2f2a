//! `event-history copy`.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use url::Url;

use super::serve::listen;
use super::signals::Signals;
use super::{open_files, progress};
use crate::config::{CopyArguments, CopyConfig, LogFormat};
use crate::copy::{self, Files, Job, Report, TenantReport};
use crate::domain::{Entropy, HistorySum, SystemClock, SystemEntropy};
use crate::http::{self, Limits};
use crate::objects::transfer::StorageClient;
use crate::objects::{self, KeyPair, StorageContext};
use crate::runs::Progress;
use crate::store::{self, Store};
use crate::telemetry;

/// What our own endpoint serves to this process alone: a few transfers at once.
const ENDPOINT_CONNECTIONS: usize = 64;
/// Longer than it takes to find the next file to copy.
const ENDPOINT_KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The status is 0 if every tenant is the same on both sides.
pub(super) async fn run(arguments: &CopyArguments) -> anyhow::Result<ExitCode> {
    let config = CopyConfig::load(arguments)?;
    telemetry::init_tracing(LogFormat::Text, "warn");
    open_files::raise_limit(ENDPOINT_CONNECTIONS);
    let mut signals = Signals::install()?;
    let opened = tokio::select! {
        opened = open(&config) => opened,
        status = signals.next() => return stopped(status),
    };
    let job = opened?;
    let progress = Progress::default();
    let outcome = tokio::select! {
        outcome = copy::run(&job, &progress) => Ok(outcome),
        never = progress::show(progress::of_run(&progress)) => match never {},
        status = signals.next() => Err(status),
    };
    // What is under way ends first; another signal ends the process at once.
    tokio::spawn(async move {
        let status = signals.next().await;
        std::process::exit(status);
    });
    let closed = close(&job).await;
    match outcome {
        Err(status) => stopped(status),
        Ok(report) => {
            let report = report?;
            closed?;
            print(&report).context("cannot write to standard output")?;
            Ok(if report.agrees() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
    }
}

async fn open(config: &CopyConfig) -> anyhow::Result<Job> {
    let CopyConfig {
        from,
        to,
        files,
        tenants,
        verify_only,
    } = config;
    let files = match files {
        Some((from, to)) => Some(Files {
            from: open_link(from, true).await?,
            to: open_link(to, *verify_only).await?,
        }),
        None => None,
    };
    let (from, to) = (
        open_store(from, true).await?,
        open_store(to, *verify_only).await?,
    );
    if let (Some(files), Some((_, location)), false) = (&files, &config.files, verify_only) {
        let id = to.id().await;
        let id = id.context("cannot learn the id of the destination's database")?;
        objects::require_owner(&*files.to.objects, id, true)
            .await
            .with_context(|| format!("cannot use the object storage {location}"))?;
    }
    Ok(Job {
        from,
        to,
        files,
        tenants: tenants.clone(),
        verify_only: *verify_only,
    })
}

/// `must_exist`: to make an empty one for a mistyped name would look like success.
async fn open_store(
    location: &store::Location,
    must_exist: bool,
) -> anyhow::Result<Arc<dyn Store>> {
    if must_exist && !store::exists(location) {
        bail!("there is no database at {location}");
    }
    let opened = store::open(location).await;
    opened.with_context(|| format!("cannot open the database {location}"))
}

/// Opens a storage of files. The embedded one is served by this process, to itself alone: on the
/// loopback address, with a key pair that nobody else knows.
pub(super) async fn open_link(
    location: &objects::Location,
    must_exist: bool,
) -> anyhow::Result<StorageClient> {
    if let objects::Location::Embedded { folder, .. } = location
        && must_exist
        && !folder.exists()
    {
        bail!("there are no files at {location}");
    }
    let listener = listen((Ipv4Addr::LOCALHOST, 0).into())?;
    let bound = listener
        .local_addr()
        .context("the listener has no address")?;
    let context = StorageContext {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        public_url: Url::parse(&format!("http://{bound}")).context("an address makes no URL")?,
        embedded_key_pair: Some(random_key_pair()),
        embedded_origins: Vec::new(),
        transfer_limits: None,
        tenant_ages: None,
    };
    let opened = objects::open(location, &context).await;
    let opened = opened.with_context(|| format!("cannot open the object storage {location}"))?;
    let is_local = opened.endpoint.is_some();
    if let Some(endpoint) = opened.endpoint {
        let limits = Limits {
            max_connections: ENDPOINT_CONNECTIONS,
            keep_alive_timeout: ENDPOINT_KEEP_ALIVE,
            shutdown_timeout: Duration::ZERO,
        };
        // Ends with the process.
        let forever = std::future::pending();
        tokio::spawn(http::serve(listener, endpoint.router(), limits, forever));
    }
    StorageClient::new(opened.objects, is_local).context("cannot make an HTTP client")
}

fn random_key_pair() -> KeyPair {
    let random = || {
        let mut bytes = [0; 24];
        SystemEntropy.fill(&mut bytes);
        hex::encode(bytes)
    };
    KeyPair {
        access_key_id: random(),
        secret_access_key: random().into(),
    }
}

async fn close(job: &Job) -> anyhow::Result<()> {
    let (from, to) = tokio::join!(job.from.close(), job.to.close());
    from.context("cannot close the source")?;
    to.context("cannot close the destination")
}

#[expect(clippy::print_stderr, reason = "a word to whoever stopped it")]
pub(super) fn stopped(status: i32) -> anyhow::Result<ExitCode> {
    eprintln!("event-history: stopped; the same command goes on where this one was");
    let status = u8::try_from(status).context("not a status that a process can have")?;
    Ok(ExitCode::from(status))
}

/// Prints a line for each tenant, and then one for each thing that is not as it should be.
fn print(report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for tenant in &report.tenants {
        writeln!(out, "{}", line(tenant))?;
    }
    for remark in report.leftovers.remarks() {
        writeln!(out, "{}", in_one_line(&remark))?;
    }
    let mut differing = 0;
    for tenant in report.tenants.iter().filter(|it| !it.agrees()) {
        differing += 1;
        let problems = in_one_line(&tenant.problems().join("; "));
        writeln!(out, "tenant '{}' differs: {problems}", tenant.database_name)?;
    }
    let tenants = report.tenants.len();
    let sums = report.tenants.iter().filter_map(|it| it.source);
    let events: u64 = sums.map(|sum| sum.events).sum();
    if report.agrees() {
        writeln!(out, "{tenants} tenants with {events} events agree")?;
    } else {
        writeln!(out, "{differing} of {tenants} tenants differ")?;
    }
    out.flush()
}

fn line(tenant: &TenantReport) -> String {
    let side = |sum: Option<HistorySum>| sum.map_or("not read".to_owned(), |it| it.to_string());
    let name = &tenant.database_name;
    let (source, destination) = (side(tenant.source), side(tenant.destination));
    let events = format!("{name}: source {source}; destination {destination}");
    let Some(files) = &tenant.files else {
        return events;
    };
    let (source, destination) = (files.source_files, files.destination_files);
    let (bytes, copied) = (files.destination_bytes, files.copied_files);
    format!(
        "{events}; files: source {source}, destination {destination} of {bytes} bytes, {copied} \
         copied now"
    )
}

/// What a server said, or an object is called, may have lines of its own.
fn in_one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
