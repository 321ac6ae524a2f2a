//! Load at a fixed rate, which `wrk` cannot generate: new events at scheduled instants, with each latency
//! measured from the scheduled instant, so that requests delayed by a slow answer count as slow too.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::random::below;
use crate::timing::{Durations, summary};
use crate::{event, say};

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
    let stream = TcpStream::connect(options.address).await?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut answers = Durations::new();
    for number in (u64::from(first)..).step_by(options.connections as usize) {
        let after = Duration::from_secs_f64(number_f64(number) / options.rate);
        if after.as_secs_f64() >= options.seconds {
            break;
        }
        let due = start + after;
        sleep_until(due).await;
        let body = event::envelope(&options.source(), number);
        let request = format!(
            "POST /api/event-bridge/create-event HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            options.address,
            options.api_key,
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let status = answer(&mut stream).await?;
        answers.push(due.elapsed());
        ensure!(status.contains(" 201 "), "the answer is {status}");
    }
    Ok(answers)
}

/// Reads an answer to its end and returns its first line.
async fn answer(stream: &mut BufReader<TcpStream>) -> anyhow::Result<String> {
    let mut status = String::new();
    stream.read_line(&mut status).await?;
    let mut length = None;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').context("a header has a colon")?;
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse()?);
        }
    }
    let mut body = vec![0; length.context("the answer has a length")?];
    stream.read_exact(&mut body).await?;
    Ok(status.trim_end().to_owned())
}

#[expect(clippy::cast_precision_loss, reason = "nobody sends 2^52 events here")]
fn number_f64(number: u64) -> f64 {
    number as f64
}
