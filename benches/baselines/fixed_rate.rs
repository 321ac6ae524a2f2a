//! Load at a fixed rate, which `wrk` cannot generate: new events at scheduled instants, with each latency
//! measured from the scheduled instant, so that requests delayed by a slow answer count as slow too.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use tokio::time::{Instant, sleep_until};

use crate::connection::Connection;
use crate::random::below;
use crate::timing::{Durations, summary};
use crate::{event, say};

const CREATE_EVENT: &str = "/api/event-bridge/create-event";

#[derive(clap::Args)]
pub(super) struct Options {
    #[arg(long)]
    address: SocketAddr,
    #[arg(long)]
    api_key: String,
    /// The tenant's database name
    #[arg(long)]
    name: String,
    /// Spread over so many tenants, whose database names end with `_<number>`, each event to a random one
    #[arg(long)]
    tenants: Option<usize>,
    #[arg(long)]
    connections: u32,
    /// Events per second, over all connections
    #[arg(long)]
    rate: f64,
    #[arg(long)]
    seconds: f64,
}

pub(super) async fn run(options: Options) -> anyhow::Result<()> {
    let options: &'static Options = Box::leak(Box::new(options));
    let start = Instant::now() + Duration::from_millis(100);
    let connections: Vec<_> = (0..options.connections)
        .map(|number| tokio::spawn(send(options, start, number)))
        .collect();
    let mut answers = Durations::new();
    for connection in connections {
        answers.extend(connection.await??);
    }
    let sent = u64::try_from(answers.len())?;
    say(summary(sent, start.elapsed(), answers));
    Ok(())
}

impl Options {
    fn source(&self) -> Cow<'_, str> {
        match self.tenants {
            None => Cow::Borrowed(&self.name),
            Some(count) => Cow::Owned(format!("{}_{}", self.name, below(count))),
        }
    }
}

/// Sends every `connections`th event, starting with number `first`.
async fn send(options: &Options, start: Instant, first: u32) -> anyhow::Result<Durations> {
    let mut connection = Connection::open(options.address).await?;
    let headers = format!(
        "X-API-Key: {}\r\nContent-Type: application/json\r\n",
        options.api_key
    );
    let mut answers = Durations::new();
    for number in (u64::from(first)..).step_by(options.connections as usize) {
        let after = Duration::from_secs_f64(number_f64(number) / options.rate);
        if after.as_secs_f64() >= options.seconds {
            break;
        }
        let due = start + after;
        sleep_until(due).await;
        let body = event::envelope(&options.source(), number);
        let answer = connection.post(CREATE_EVENT, &headers, body.as_bytes());
        let (status, _) = answer.await?;
        answers.push(due.elapsed());
        ensure!(status.contains(" 201 "), "the answer is {status}");
    }
    Ok(answers)
}

#[expect(clippy::cast_precision_loss, reason = "nobody sends 2^52 events here")]
fn number_f64(number: u64) -> f64 {
    number as f64
}
