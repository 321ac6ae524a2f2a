//! Creates a tenant with a history of the benchmark's events through the service's store, and so always in
//! its current layout.

use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use event_history::domain::{ClientId, ClientSecret, DatabaseName, Event, SystemEntropy, Tenant};
use event_history::store::{self, Appended, Created, Location, Store};

use crate::{event, say};

/// Events per call.
const BATCH: u64 = 10_000;

/// The time between two events of the history.
const STEP_US: i64 = 1000;

#[derive(clap::Args)]
pub(super) struct Options {
    /// The store, as `event-history serve --database` takes it; must not be open elsewhere
    #[arg(long)]
    database: String,
    /// The tenant's database name
    #[arg(long)]
    name: String,
    #[arg(long)]
    events: u64,
    /// The records that they belong to in turn
    #[arg(long, default_value_t = event::RECORDS, value_parser = clap::value_parser!(u64).range(1..))]
    records: u64,
    /// Give each event a word of its own, and one that every hundredth has
    #[arg(long)]
    words: bool,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let location: Location = options.database.parse().map_err(anyhow::Error::msg)?;
    let store = store::open(&location).await?;
    let tenant = Tenant {
        client_id: ClientId::random(&SystemEntropy),
        database_name: DatabaseName::parse(&options.name)
            .map_err(|invalid| anyhow::anyhow!("{}: {invalid:?}", options.name))?,
        client_label: "bench".to_owned(),
        client_secret_sha256: ClientSecret::random(&SystemEntropy).sha256(),
        created_at: event::now(),
    };
    let created = store.create_tenant(tenant.clone()).await?;
    ensure!(
        created == Created::New,
        "tenant '{}' already exists",
        options.name
    );
    let started = Instant::now();
    append(&store, &tenant, options).await?;
    store.close().await?;
    say(serde_json::json!({
        "client_id": tenant.client_id.to_string(),
        "events": options.events,
        "seconds": started.elapsed().as_secs_f64(),
    }));
    Ok(())
}

/// Appends a history that ends now. Prepares the next batch while the last one is written.
async fn append(store: &Arc<dyn Store>, tenant: &Tenant, options: &Options) -> anyhow::Result<()> {
    let (events, records) = (options.events, options.records);
    let start_us = event::now().as_microsecond() - events.cast_signed() * STEP_US;
    let mut under_way: Option<tokio::task::JoinHandle<anyhow::Result<()>>> = None;
    let mut next = 0;
    while next < events {
        let end = events.min(next + BATCH);
        let batch: Vec<Event> = (next..end)
            .map(|number| {
                let at = event::at(number, start_us + number.cast_signed() * STEP_US, records);
                if options.words {
                    event::with_words(at, number)
                } else {
                    at
                }
            })
            .collect();
        next = end;
        if let Some(before) = under_way.take() {
            before.await??;
        }
        let (store, tenant) = (Arc::clone(store), tenant.clone());
        under_way = Some(tokio::spawn(async move {
            let outcomes = store.append(&tenant, batch).await?;
            let all_new = outcomes.iter().all(|outcome| *outcome == Appended::Stored);
            ensure!(all_new, "an event already existed");
            Ok(())
        }));
    }
    if let Some(last) = under_way {
        last.await??;
    }
    Ok(())
}
