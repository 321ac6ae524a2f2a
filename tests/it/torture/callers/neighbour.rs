//! A tenant that sends an event now and then, whatever others do, and a probe.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::hostile::{address, ask};
use crate::support::{Server, Tenant, event};

/// 20 events a second.
const PAUSE: Duration = Duration::from_millis(50);
/// A probe comes with one event in so many, on a connection of its own.
const PROBE_EVERY: u32 = 5;

const LIVE: &str = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// Sends until it is told to end.
#[derive(Debug)]
pub(super) struct Neighbour {
    is_over: Arc<AtomicBool>,
    sending: JoinHandle<Measurements>,
}

/// How long answers took, from the moment at which a request was due.
#[derive(Debug, Default)]
pub(super) struct Measurements {
    events: Vec<Duration>,
    probes: Vec<Duration>,
    failures: Vec<String>,
}

impl Neighbour {
    pub(super) fn start(server: &Arc<Server>, tenant: &Tenant) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let sending = send(Arc::clone(server), tenant.clone(), Arc::clone(&is_over));
        let sending = tokio::spawn(sending);
        Self { is_over, sending }
    }

    /// Waits for what is under way.
    pub(super) async fn end(self) -> Measurements {
        self.is_over.store(true, Ordering::Relaxed);
        self.sending.await.expect("no panic")
    }
}

/// What one request came to.
enum Done {
    Event(Duration),
    Probe(Duration),
    Failed(String),
}

async fn send(server: Arc<Server>, tenant: Tenant, is_over: Arc<AtomicBool>) -> Measurements {
    let mut under_way = JoinSet::new();
    let begin = Instant::now();
    for number in 0.. {
        let due = begin + PAUSE * number;
        tokio::time::sleep_until(due.into()).await;
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        under_way.spawn(deliver(Arc::clone(&server), tenant.clone(), due));
        if number % PROBE_EVERY == 0 {
            under_way.spawn(probe(address(server.url()).to_owned(), due));
        }
    }
    let mut measurements = Measurements::default();
    while let Some(done) = under_way.join_next().await {
        match done.expect("no panic") {
            Done::Event(took) => measurements.events.push(took),
            Done::Probe(took) => measurements.probes.push(took),
            Done::Failed(how) => measurements.failures.push(how),
        }
    }
    measurements.events.sort_unstable();
    measurements.probes.sort_unstable();
    measurements
}

async fn deliver(server: Arc<Server>, tenant: Tenant, due: Instant) -> Done {
    let answer = server.delivery(&tenant, &event()).send().await;
    match answer.map(|it| it.status()) {
        Ok(StatusCode::CREATED) => Done::Event(due.elapsed()),
        Ok(status) => Done::Failed(format!("an event: {status}")),
        Err(error) => Done::Failed(format!("an event: {error:?}")),
    }
}

async fn probe(address: String, due: Instant) -> Done {
    let (_stream, head) = ask(&address, LIVE).await;
    if head.starts_with("HTTP/1.1 200 ") {
        Done::Probe(due.elapsed())
    } else {
        Done::Failed(format!("a probe: {head}"))
    }
}

impl Measurements {
    pub(super) fn answered(&self) -> usize {
        self.events.len()
    }

    pub(super) fn median(&self) -> Duration {
        quantile(&self.events, 50)
    }

    pub(super) fn longest(&self) -> Duration {
        let last = |sorted: &[Duration]| sorted.last().copied().unwrap_or_default();
        last(&self.events).max(last(&self.probes))
    }

    /// Returns the first request that was not answered as it should be, and how many were not.
    pub(super) fn failure(&self) -> Option<String> {
        let first = self.failures.first()?;
        let count = self.failures.len();
        Some(format!("{count} requests of others failed: {first}"))
    }
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}

impl Display for Measurements {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for (name, sorted) in [("events", &self.events), ("probes", &self.probes)] {
            let [half, most, all] = [50, 99, 100].map(|percent| quantile(sorted, percent));
            write!(
                formatter,
                "{name} {:>4}: p50 {half:>7.1?} p99 {most:>7.1?} max {all:>7.1?}  ",
                sorted.len()
            )?;
        }
        write!(formatter, "failed {}", self.failures.len())
    }
}
