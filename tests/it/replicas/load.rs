//! Writers that spread events over replicas, send some of them twice, and keep to the ledger what they
//! were promised.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use http::header::RETRY_AFTER;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::LIMIT;
use crate::support::{self, Server, Tenant, expect};

const WRITERS: usize = 8;

/// Events that a writer has in flight at most: all together make INSERTs of some 40 events each.
const IN_FLIGHT: usize = 64;

/// The same for a cluster whose nodes share the machine: an event must not wait for long because of those before it.
const FEW_IN_FLIGHT: usize = 8;

/// Of so many events one is sent twice, to two replicas.
const TWICE_EVERY: usize = 10;

/// Of so many events one references a file: prime, so that every writer and tenant has such events.
const FILE_EVERY: usize = 17;

const MAX_FILES: usize = 300;

/// So many events have one time: eight of each tenant.
const TIED: usize = 32;

/// 2022-11-10T10:00:00Z
const FIRST_TIME_MS: i64 = 1_668_074_400_000;

/// Of so many events of an [`Patience::Uneven`] load one is given up when it is refused.
const GIVEN_UP_EVERY: usize = 4;

/// How long a sender waits until it tries again, at first and at most. EventBridge waits longer.
const PAUSE: Range<Duration> = Duration::from_millis(100)..Duration::from_secs(1);

/// A sender waits for an outage of minutes; past that something else is wrong.
const MAX_ATTEMPTS: u32 = 300;

/// What is sent. All of an event but its id follows from its place.
#[derive(Debug)]
pub(super) struct Plan {
    ids: Vec<String>,
    pub(super) tenants: Vec<Tenant>,
    /// By tenant: files that were uploaded.
    files: Vec<Vec<String>>,
    in_flight: usize,
}

/// What senders do about a 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// They try again until it is another answer.
    Endless,
    /// Some of them do; others give up at once.
    Uneven,
}

/// Events on their way to the replicas, and what has become of them.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) servers: Vec<Server>,
    pub(super) plan: Plan,
    patience: Patience,
    /// By place: was it answered 201?
    acknowledged: Vec<AtomicBool>,
    /// How many events are acknowledged or given up.
    settled: AtomicUsize,
    measurements: Mutex<Measurements>,
}

#[derive(Debug, Default)]
struct Measurements {
    requests: usize,
    refusals: usize,
    slowest: Duration,
    /// How long all writing took so far.
    writing: Duration,
}

impl Plan {
    /// Uploads the files, and plans `count` events.
    pub(super) async fn new(servers: &[Server], tenants: Vec<Tenant>, count: usize) -> Self {
        let files_each = MAX_FILES.min(count / FILE_EVERY) / tenants.len() + 1;
        let mut files = Vec::new();
        for tenant in &tenants {
            let uploads = (0..files_each).map(|number| {
                let server = &servers[number % servers.len()];
                async move {
                    let upload = server.upload_url(tenant).await;
                    let put = server.client().put(&upload.url);
                    let body = format!("file {number} of {}", tenant.database_name);
                    expect(put.body(body), StatusCode::OK).await;
                    upload.file_id
                }
            });
            // To be collected first: a stream of closures that borrow is no stream to rustc.
            let uploads: Vec<_> = uploads.collect();
            files.push(stream::iter(uploads).buffered(WRITERS).collect().await);
        }
        Self {
            ids: (0..count).map(|_| support::uuid()).collect(),
            tenants,
            files,
            in_flight: IN_FLIGHT,
        }
    }

    /// Plans `count` events for a cluster, which reference no files.
    pub(super) fn without_files(tenants: Vec<Tenant>, count: usize) -> Self {
        Self {
            ids: (0..count).map(|_| support::uuid()).collect(),
            files: vec![Vec::new(); tenants.len()],
            tenants,
            in_flight: FEW_IN_FLIGHT,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.ids.len()
    }

    /// Returns whose event that is, by number.
    pub(super) fn tenant_of(&self, place: usize) -> usize {
        (place / WRITERS) % self.tenants.len()
    }

    /// Returns where an event stands in the total order.
    pub(super) fn position(&self, place: usize) -> (i64, &str) {
        (time_ms(place), &self.ids[place])
    }

    pub(super) fn detail(&self, place: usize) -> Value {
        let time = Timestamp::from_millisecond(time_ms(place)).expect("a time of this century");
        let mut detail = json!({
            "event_id": self.ids[place],
            "event_time": time.to_string(),
            "event_type_id": 1 + place % 11,
            "record_id": place % 997,
            "source_id": place,
            "source_type_id": place % 4,
            "source_name": format!("somebody {}", place % 89),
            "source_info": "",
            "event_data": [{"place": place, "note": "é \" 😀", "text": "x".repeat(place % 300)}],
        });
        let files = &self.files[self.tenant_of(place)];
        if place % FILE_EVERY == FILE_EVERY / 2 && !files.is_empty() {
            detail["file_id"] = files[place / FILE_EVERY % files.len()].as_str().into();
        }
        detail
    }

    /// Returns the place of an event that a replica answered, which has to be just what was sent.
    pub(super) fn place_of(&self, event: &Value) -> usize {
        let place = event["event_data"][0]["place"].as_u64();
        let place = place.and_then(|place| usize::try_from(place).ok());
        let place = place.filter(|place| *place < self.count());
        let place = place.unwrap_or_else(|| panic!("{event} was never sent"));
        let mut expected = self.detail(place);
        // Names of the catalogue, and the time of receipt; these are not sent.
        for name in ["event_type", "source_type", "received_at"] {
            expected[name] = event[name].clone();
        }
        match expected.get("file_id").cloned() {
            None => expected["file_id"] = Value::Null,
            Some(file_id) => {
                assert_eq!(event["file"]["file_id"], file_id);
                expected["file"] = event["file"].clone(); // what storage said of it
            }
        }
        assert_eq!(*event, expected, "an event is not what was sent");
        place
    }
}

fn time_ms(place: usize) -> i64 {
    FIRST_TIME_MS + i64::try_from(place / TIED).expect("a small number")
}

impl Load {
    pub(super) fn new(servers: Vec<Server>, plan: Plan, patience: Patience) -> Arc<Self> {
        Arc::new(Self {
            servers,
            patience,
            acknowledged: (0..plan.count()).map(|_| AtomicBool::new(false)).collect(),
            plan,
            settled: AtomicUsize::new(0),
            measurements: Mutex::default(),
        })
    }

    /// Sends the events at these places, and returns when each is acknowledged or given up.
    pub(super) async fn write(self: &Arc<Self>, places: Range<usize>) {
        let start = Instant::now();
        let writers = (0..WRITERS).map(|writer| {
            let (load, places) = (Arc::clone(self), places.clone());
            tokio::spawn(async move {
                let own = places.filter(|place| place % WRITERS == writer);
                stream::iter(own)
                    .for_each_concurrent(load.plan.in_flight, |place| load.send(place))
                    .await;
            })
        });
        for written in join_all(writers).await {
            written.expect("no writer fails");
        }
        self.lock().writing += start.elapsed();
    }

    pub(super) fn settled(&self) -> usize {
        self.settled.load(Ordering::Relaxed)
    }

    pub(super) fn is_acknowledged(&self, place: usize) -> bool {
        self.acknowledged[place].load(Ordering::Relaxed)
    }

    pub(super) fn acknowledged(&self) -> usize {
        let places = 0..self.plan.count();
        places.filter(|place| self.is_acknowledged(*place)).count()
    }

    pub(super) fn refusals(&self) -> usize {
        self.lock().refusals
    }

    pub(super) fn requests(&self) -> usize {
        self.lock().requests
    }

    pub(super) fn assert_in_time(&self) {
        let slowest = self.lock().slowest;
        assert!(slowest < LIMIT, "a request took {slowest:?}");
    }

    pub(super) fn summary(&self) -> String {
        let Measurements {
            requests,
            refusals,
            slowest,
            writing,
        } = &*self.lock();
        let seconds = writing.as_secs_f64();
        let rate = u32::try_from(self.settled()).map_or(f64::INFINITY, f64::from) / seconds;
        format!(
            "{} events of {} acknowledged in {seconds:.1} s, {rate:.0} a second; {requests} requests, \
             {refusals} answered 503, slowest {slowest:.2?}",
            self.acknowledged(),
            self.plan.count(),
        )
    }

    async fn send(&self, place: usize) {
        let one = (place % WRITERS + place / WRITERS) % self.servers.len();
        let other = one + 1;
        // One of each ten, not always the same one, or half of the writers would have none.
        let ten = place / TWICE_EVERY;
        if !(place + ten).is_multiple_of(TWICE_EVERY) {
            self.deliver(place, one).await;
        } else if (ten / 2).is_multiple_of(2) {
            tokio::join!(self.deliver(place, one), self.deliver(place, other));
        } else {
            self.deliver(place, one).await;
            self.deliver(place, other).await;
        }
        self.settled.fetch_add(1, Ordering::Relaxed);
    }

    /// Sends an event to one replica after the other until one acknowledges it, beginning with `first`.
    async fn deliver(&self, place: usize, first: usize) {
        let tenant = &self.plan.tenants[self.plan.tenant_of(place)];
        let detail = self.plan.detail(place);
        // By threes, or it would be all events of some writers.
        let is_dispensable = (place / 3).is_multiple_of(GIVEN_UP_EVERY);
        let gives_up = self.patience == Patience::Uneven && is_dispensable;
        let mut pause = PAUSE.start;
        for attempt in 0..MAX_ATTEMPTS {
            let server = &self.servers[(first + attempt as usize) % self.servers.len()];
            if self.is_taken(server, tenant, &detail).await {
                self.acknowledged[place].store(true, Ordering::Relaxed);
                return;
            }
            if gives_up {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.end);
        }
        panic!("event {place} was refused {MAX_ATTEMPTS} times");
    }

    /// Sends a delivery and returns whether it was acknowledged; the other answer that is allowed asks
    /// to come again.
    async fn is_taken(&self, server: &Server, tenant: &Tenant, detail: &Value) -> bool {
        let start = Instant::now();
        let response = server.delivery(tenant, detail).send().await;
        let response = response.expect("a replica answers whatever happens");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("answers are text");
        let elapsed = start.elapsed();
        let is_refusal =
            status == StatusCode::SERVICE_UNAVAILABLE && headers.contains_key(RETRY_AFTER);
        assert!(
            status == StatusCode::CREATED || is_refusal,
            "{status} {text}"
        );
        let mut measurements = self.lock();
        measurements.requests += 1;
        measurements.refusals += usize::from(is_refusal);
        measurements.slowest = measurements.slowest.max(elapsed);
        !is_refusal
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Measurements> {
        self.measurements.lock().expect("no holder panics")
    }
}
