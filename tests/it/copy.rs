//! `event-history copy`: everything arrives, whatever interrupts it, and differences are reported.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at anything that it does not expect, helpers included"
)]
#![expect(
    clippy::print_stdout,
    reason = "the recipes of the justfile show these figures"
)]

mod clickhouse;
mod differences;
mod files;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_history::domain::query::Limit;
use event_history::domain::{
    AgeFrom, Event, EventId, EventTime, Hold, HoldId, Query, Reason, ReceivedAt, RetentionRule,
    RetentionRules, SystemEntropy, Tenant,
};
use event_history::store::{self, Appended, Created, Store};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::samples::{Random, as_sent, tenant};
use crate::support::{self, Running};

/// Events per append at the source.
const BATCH: u64 = 1000;

/// Longer than any copy here takes.
const COPY_TIMEOUT: Duration = Duration::from_mins(25);

/// The memory of a copy of ordinary events, whatever their number.
const MAX_RESIDENT_BYTES: u64 = 120_000_000;

/// A direction of copying.
struct Ends<'a> {
    from: String,
    to: String,
    /// Returns how many tenants the destination has, as far as that shows from outside.
    arrived: &'a dyn Fn() -> usize,
    /// Changes one stored event of the destination behind the store's back.
    change: &'a dyn Fn(&Tenant, &Event),
}

/// A SQLite store in a folder of its own.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn location(&self) -> String {
        format!("sqlite:{}", self.folder().display())
    }

    fn database(&self, tenant: &Tenant) -> PathBuf {
        let tenants = self.folder().join("tenants");
        tenants.join(format!("{}.db", tenant.database_name))
    }

    async fn open(&self) -> Arc<dyn Store> {
        open(&self.location()).await
    }

    /// Counts the databases of tenants.
    fn tenants(&self) -> usize {
        let Ok(entries) = std::fs::read_dir(self.folder().join("tenants")) else {
            return 0;
        };
        let names = entries.map(|entry| entry.unwrap().file_name());
        let is_database =
            |name: &std::ffi::OsString| Path::new(name).extension().is_some_and(|it| it == "db");
        names.filter(is_database).count()
    }

    fn set_schema_version(&self, tenant: &Tenant, version: u32) {
        let connection = Connection::open(self.database(tenant)).unwrap();
        connection
            .pragma_update(None, "user_version", version)
            .unwrap();
    }

    fn edit(&self, tenant: &Tenant, sql: &str, event: &Event) {
        let connection = Connection::open(self.database(tenant)).unwrap();
        let changed = connection.execute(sql, [event.id.uuid()]).unwrap();
        assert_eq!(changed, 1, "{sql}");
    }
}

async fn open(location: &str) -> Arc<dyn Store> {
    store::open(&location.parse().unwrap()).await.unwrap()
}

/// Returns the command with nothing of the caller's environment.
fn copy(home: &Path, from: &str, to: &str) -> Command {
    let mut command = support::clean_command(support::binary(), home);
    command.args(["copy", "--from", from, "--to", to]);
    command
}

/// Runs a copy to its end; returns its status, and what it printed on standard output and error.
fn run(command: &mut Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Gives a tenant a legal hold, and a retention rule by which no event is due.
async fn rule(store: &dyn Store, tenant: &Tenant) {
    let hold = Hold {
        id: HoldId::random(&SystemEntropy),
        record_id: Some(7),
        reason: Reason::parse("a case").unwrap(),
        created_at: tenant.created_at,
    };
    store.place_hold(tenant, &hold).await.unwrap();
    let rule = RetentionRule {
        event_type_id: Some(7),
        days: Some(36_525),
        age_from: AgeFrom::Event,
    };
    let rules = RetentionRules::new(vec![rule]).unwrap();
    store.set_retention(tenant, &rules).await.unwrap();
}

/// Makes a store with `tenants` tenants and `events` events spread over them; returns an event of each.
async fn fill(location: &str, tenants: u64, events: u64) -> Vec<(Tenant, Event)> {
    let store = open(location).await;
    let mut random = Random::seeded(events);
    let mut made = Vec::new();
    for number in 0..tenants {
        let tenant = tenant(&format!("copied-{number:02}"));
        assert_eq!(
            store.create_tenant(tenant.clone()).await.unwrap(),
            Created::New
        );
        rule(&*store, &tenant).await;
        // Not the same number for each: an odd end is where pages go wrong.
        let mut left = events / tenants + u64::from(number < events % tenants);
        let mut one = None;
        let mut micros = 1_668_075_972_000_000;
        while left > 0 {
            let count = left.min(BATCH);
            let batch: Vec<Event> = (0..count)
                .map(|index| {
                    micros += i64::try_from(index % 3).unwrap(); // a third share an instant
                    Event {
                        time: EventTime::from_parts(micros, 6).unwrap(),
                        ..random.event()
                    }
                })
                .collect();
            one = Some(batch[batch.len() / 2].clone());
            let answers = store.append(&tenant, batch).await.unwrap();
            assert!(answers.iter().all(|it| *it == Appended::Stored));
            left -= count;
        }
        made.push((tenant, one.unwrap()));
    }
    store.close().await.unwrap();
    made
}

/// Kills a copy twice on its way, lets it end, changes one event, and has it found.
async fn moves_everything(ends: &Ends<'_>) {
    let tenants = support::number_from_environment("EVENT_HISTORY_TEST_COPY_TENANTS", 6);
    let events = support::number_from_environment("EVENT_HISTORY_TEST_COPY_EVENTS", 6_000);
    let home = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let made = fill(&ends.from, tenants, events).await;
    println!(
        "{events} events of {tenants} tenants made in {:?}",
        start.elapsed()
    );

    for third in 1..=2 {
        let start = Instant::now();
        let copying = Running::spawn(&mut copy(home.path(), &ends.from, &ends.to));
        let wanted = usize::try_from(tenants * third / 3).unwrap();
        support::wait_for("a part of the tenants", COPY_TIMEOUT, async || {
            assert!(!copying.has_ended(), "{}", copying.stderr());
            ((ends.arrived)() >= wanted).then_some(())
        })
        .await;
        copying.kill();
        let arrived = (ends.arrived)();
        println!(
            "killed after {:?} with {arrived} tenants there",
            start.elapsed()
        );
        assert!(
            (arrived as u64) < tenants,
            "it was through before it was killed"
        );
    }

    let start = Instant::now();
    let mut command = copy(home.path(), &ends.from, &ends.to);
    let copying = Running::spawn(&mut command);
    let mut resident_bytes = 0;
    support::wait_for("the end", COPY_TIMEOUT, async || {
        if copying.has_ended() {
            return Some(());
        }
        resident_bytes = copying.peak_memory_bytes().unwrap_or(resident_bytes);
        None
    })
    .await;
    println!(
        "went through in {:?}, {resident_bytes} bytes resident",
        start.elapsed()
    );
    assert!(copying.end().success(), "{}", copying.stderr());
    assert!(resident_bytes < MAX_RESIDENT_BYTES, "{resident_bytes}");
    let mut said = String::new();
    while !said.ends_with("agree") {
        said = copying.line(COPY_TIMEOUT);
    }
    assert_eq!(
        said,
        format!("{tenants} tenants with {events} events agree")
    );

    same_entries(ends, &made).await;
    let start = Instant::now();
    let (status, stdout, stderr) =
        run(copy(home.path(), &ends.from, &ends.to).arg("--verify-only"));
    assert_eq!(status, 0, "{stdout}{stderr}");
    println!("verified in {:?}", start.elapsed());

    let (changed, event) = &made[made.len() / 2];
    (ends.change)(changed, event);
    for flags in [["--verify-only"].as_slice(), &[]] {
        let (status, stdout, stderr) = run(copy(home.path(), &ends.from, &ends.to).args(flags));
        assert_eq!(status, 1, "{stdout}{stderr}");
        let differing: Vec<&str> = stdout
            .lines()
            .filter(|it| it.contains("differs:"))
            .collect();
        assert_eq!(differing.len(), 1, "{stdout}");
        let name = format!("tenant '{}' differs:", changed.database_name);
        assert!(differing[0].starts_with(&name), "{stdout}");
        assert!(differing[0].contains(&event.id.to_string()), "{stdout}");
        let last = stdout.lines().last().unwrap();
        assert_eq!(last, format!("1 of {tenants} tenants differ"));
    }
}

/// Client ids and secrets go on working.
async fn same_entries(ends: &Ends<'_>, made: &[(Tenant, Event)]) {
    let destination = open(&ends.to).await;
    let entries = destination.tenants().await.unwrap();
    let entries: Vec<&Tenant> = entries.iter().map(AsRef::as_ref).collect();
    let expected: Vec<&Tenant> = made.iter().map(|(tenant, _)| tenant).collect();
    assert_eq!(entries, expected);
    for (tenant, event) in made {
        let there = destination.event(tenant, event.id).await.unwrap();
        assert_eq!(as_sent(there), std::slice::from_ref(event));
    }
    // The order of arrival is kept too, with the times.
    let source = open(&ends.from).await;
    for (tenant, _) in made {
        let arrived = arrivals(&*destination, tenant).await;
        assert!(!arrived.is_empty() && arrived == arrivals(&*source, tenant).await);
        let holds = destination.holds(tenant).await.unwrap();
        assert!(!holds.is_empty() && holds == source.holds(tenant).await.unwrap());
        let rules = destination.retention(tenant).await.unwrap();
        assert!(!rules.keep_everything() && rules == source.retention(tenant).await.unwrap());
    }
    source.close().await.unwrap();
    destination.close().await.unwrap();
}

/// Returns the ids and times of receipt of a tenant's events, in the order of their arrival.
async fn arrivals(store: &dyn Store, tenant: &Tenant) -> Vec<(EventId, Option<ReceivedAt>)> {
    let query = Query {
        limit: Limit::clamped(1000),
        ..Query::default()
    };
    let (mut arrived, mut after) = (Vec::new(), None);
    loop {
        let feed = store.feed(tenant, after.as_ref(), &query).await.unwrap();
        arrived.extend(feed.events.iter().map(|it| (it.id, it.received_at)));
        after = Some(feed.cursor);
        if !feed.has_more {
            return arrived;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_sqlite_to_sqlite_killed_twice() {
    let (source, destination) = (Place::new(), Place::new());
    moves_everything(&Ends {
        from: source.location(),
        to: destination.location(),
        arrived: &|| destination.tenants(),
        change: &|tenant, event| {
            let sql = "UPDATE events SET record_id = record_id + 1 WHERE event_id = ?";
            destination.edit(tenant, sql, event);
        },
    })
    .await;
}
