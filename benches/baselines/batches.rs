//! Sends new events in batches as lines of JSON, as fast as they are answered. Everything is made before the first is sent.

use std::fmt::Write as _;
use std::net::SocketAddr;

use anyhow::ensure;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::timing::{Durations, summary};
use crate::{event, say};

#[derive(clap::Args)]
pub(super) struct Options {
    #[arg(long)]
    address: SocketAddr,
    #[arg(long)]
    api_key: String,
    #[arg(long)]
    client_id: String,
    /// Events in all
    #[arg(long)]
    events: u64,
    /// Events per request
    #[arg(long)]
    batch: u64,
    #[arg(long)]
    connections: u64,
}

pub(super) async fn run(options: Options) -> anyhow::Result<()> {
    let options: &'static Options = Box::leak(Box::new(options));
    let mut shares = vec![Vec::new(); usize::try_from(options.connections)?];
    for (number, share) in (0..options.events / options.batch).zip((0..shares.len()).cycle()) {
        shares[share].push(body(number * options.batch, options.batch)?);
    }
    let started = Instant::now();
    let sending: Vec<_> = shares
        .into_iter()
        .map(|share| tokio::spawn(send(options, share)))
        .collect();
    let mut answers = Durations::new();
    for each in sending {
        answers.extend(each.await??);
    }
    let sent = u64::try_from(answers.len())? * options.batch;
    say(summary(sent, started.elapsed(), answers));
    Ok(())
}

fn body(first: u64, events: u64) -> anyhow::Result<String> {
    let mut body = String::new();
    for number in first..first + events {
        writeln!(body, "{}", event::detail(number))?;
    }
    Ok(body)
}

async fn send(options: &Options, bodies: Vec<String>) -> anyhow::Result<Durations> {
    let mut connection = Connection::open(options.address).await?;
    let headers = format!(
        "X-API-Key: {}\r\nX-Client-Id: {}\r\nContent-Type: application/x-ndjson\r\n",
        options.api_key, options.client_id
    );
    let mut answers = Durations::new();
    for body in bodies {
        let sent = Instant::now();
        let answer = connection.post("/api/events", &headers, body.as_bytes());
        let (status, answer) = answer.await?;
        answers.push(sent.elapsed());
        ensure!(status.contains(" 200 "), "the answer is {status}");
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
        ensure!(answer["stored"] == options.batch, "the answer is {answer}");
    }
    Ok(answers)
}
