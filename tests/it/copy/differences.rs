//! Differences, conflicts and errors of a copy.

use std::time::Duration;

use event_history::domain::{Event, EventData, EventTime, Tenant};

use super::{COPY_TIMEOUT, Place, copy, fill, run};
use crate::samples::{Random, as_sent, history, tenant};
use crate::support::{self, Running};

/// Returns both ends, the source with three tenants of 40 events.
async fn ends() -> (Place, Place, Vec<(Tenant, Event)>) {
    let (source, destination) = (Place::new(), Place::new());
    let made = fill(&source.location(), 3, 120).await;
    (source, destination, made)
}

#[tokio::test]
async fn a_missing_older_event_is_found_and_copied() {
    let (source, destination, made) = ends().await;
    let home = tempfile::tempdir().unwrap();
    let (from, to) = (source.location(), destination.location());
    let (status, stdout, stderr) = run(&mut copy(home.path(), &from, &to));
    assert_eq!(status, 0, "{stdout}{stderr}");
    let (tenant, event) = &made[1];
    destination.edit(tenant, "DELETE FROM events WHERE event_id = ?", event);

    let (status, stdout, _) = run(copy(home.path(), &from, &to).arg("--verify-only"));
    assert_eq!(status, 1);
    let lacking = format!("event {} is the first that the destination lacks", event.id);
    assert!(stdout.contains(&lacking), "{stdout}");
    let (status, stdout, stderr) = run(&mut copy(home.path(), &from, &to));
    assert_eq!(status, 0, "{stdout}{stderr}");
    assert!(
        stdout.ends_with("3 tenants with 120 events agree\n"),
        "{stdout}"
    );
}

#[tokio::test]
async fn an_extra_event_at_the_destination_is_reported() {
    let (source, destination, made) = ends().await;
    let home = tempfile::tempdir().unwrap();
    let (from, to) = (source.location(), destination.location());
    assert_eq!(run(&mut copy(home.path(), &from, &to)).0, 0);
    let store = destination.open().await;
    let invented = Random::seeded(1).event();
    let event = vec![invented.clone()];
    store.append(&made[2].0, event).await.unwrap();
    store.close().await.unwrap();

    let (status, stdout, _) = run(&mut copy(home.path(), &from, &to));
    assert_eq!(status, 1);
    let lacking = format!("event {} is the first that the source lacks", invented.id);
    let differing: Vec<&str> = stdout
        .lines()
        .filter(|it| it.contains("differs:"))
        .collect();
    assert_eq!(differing.len(), 1, "{stdout}");
    assert!(differing[0].starts_with("tenant 'copied-02' differs: the source has 40 events"));
    assert!(differing[0].contains(&lacking), "{stdout}");
}

#[tokio::test]
async fn an_event_with_different_content_is_reported_and_kept() {
    let (source, destination, made) = ends().await;
    let home = tempfile::tempdir().unwrap();
    let (from, to) = (source.location(), destination.location());
    let (tenant, event) = &made[0];
    // Before all others, so that the copy does not begin behind it.
    let other = Event {
        time: EventTime::parse("2001-01-01T00:00:00Z").unwrap(),
        ..event.clone()
    };
    let store = destination.open().await;
    store.create_tenant(tenant.clone()).await.unwrap();
    store.append(tenant, vec![other.clone()]).await.unwrap();
    store.close().await.unwrap();

    let (status, stdout, _) = run(&mut copy(home.path(), &from, &to));
    assert_eq!(status, 1);
    let conflict = format!(
        "1 events have other content at the destination: {}",
        event.id
    );
    assert!(stdout.contains(&conflict), "{stdout}");
    assert!(stdout.ends_with("1 of 3 tenants differ\n"), "{stdout}");
    let store = destination.open().await;
    let there = store.event(tenant, event.id).await.unwrap();
    assert_eq!(as_sent(there), [other]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_conflicting_tenant_stops_the_copy_before_it_starts() {
    let (source, destination, _) = ends().await;
    let home = tempfile::tempdir().unwrap();
    let store = destination.open().await;
    store.create_tenant(tenant("copied-01")).await.unwrap();
    store.close().await.unwrap();

    let mut command = copy(home.path(), &source.location(), &destination.location());
    let (status, stdout, stderr) = run(&mut command);
    assert_eq!((status, stdout.as_str()), (1, ""));
    assert!(
        stderr.contains("nothing was copied: tenant 'copied-01' has client id"),
        "{stderr}"
    );
    assert_eq!(destination.tenants(), 1);
    // The others can go all the same.
    let (status, stdout, stderr) =
        run(command.args(["--tenant", "copied-00", "--tenant", "copied-02"]));
    assert_eq!(status, 0, "{stderr}");
    assert!(
        stdout.ends_with("2 tenants with 80 events agree\n"),
        "{stdout}"
    );
    assert_eq!(destination.tenants(), 3);
}

#[tokio::test]
async fn an_unreadable_tenant_does_not_affect_others() {
    let (source, destination, made) = ends().await;
    let home = tempfile::tempdir().unwrap();
    std::fs::remove_file(source.database(&made[1].0)).unwrap();
    let mut command = copy(home.path(), &source.location(), &destination.location());
    let (status, stdout, _) = run(&mut command);
    assert_eq!(status, 1);
    assert!(stdout.contains("tenant 'copied-01' differs: cannot count the events at the source"));
    assert!(stdout.ends_with("1 of 3 tenants differ\n"), "{stdout}");
    assert_eq!(destination.tenants(), 2);
}

/// A condition that looks like an outage, but of one tenant.
#[tokio::test]
async fn a_tenant_of_a_newer_version_does_not_affect_others() {
    let (source, destination, made) = ends().await;
    let home = tempfile::tempdir().unwrap();
    let (from, to) = (source.location(), destination.location());
    source.set_schema_version(&made[1].0, 99);
    let (status, stdout, stderr) = run(&mut copy(home.path(), &from, &to));
    assert_eq!(status, 1, "{stderr}");
    let named = "tenant 'copied-01' differs: cannot count the events at the source";
    let line = stdout.lines().find(|it| it.starts_with(named)).unwrap();
    assert!(line.contains("has schema version 99"), "{stdout}");
    assert!(stdout.ends_with("1 of 3 tenants differ\n"), "{stdout}");
    assert_eq!(destination.tenants(), 2);

    // At the destination too.
    destination.set_schema_version(&made[0].0, 99);
    let (status, stdout, stderr) = run(&mut copy(home.path(), &from, &to));
    assert_eq!(status, 1, "{stderr}");
    let named = "tenant 'copied-00' differs: cannot copy retention rules and legal holds at the destination";
    assert!(stdout.contains(named), "{stdout}");
    let agreeing = format!("{}: source 40 events", made[2].0.database_name);
    assert!(stdout.contains(&agreeing), "{stdout}");
    assert!(stdout.ends_with("2 of 3 tenants differ\n"), "{stdout}");
}

#[tokio::test]
async fn invalid_arguments_are_reported_and_create_nothing() {
    let (source, destination, _) = ends().await;
    let home = tempfile::tempdir().unwrap();
    let (from, to) = (source.location(), destination.location());
    let missing = format!("sqlite:{}", home.path().join("nowhere").display());
    for (command, expected, message) in [
        (
            copy(home.path(), &missing, &to),
            1,
            "there is no database at",
        ),
        (
            copy(home.path(), &from, &from),
            2,
            "--from and --to are the same",
        ),
        (
            copy(home.path(), "mysql://me:hunter2@host", &to),
            2,
            "'mysql://…@host' is not",
        ),
    ] {
        let mut command = command;
        let (status, _, stderr) = run(&mut command);
        assert_eq!(status, expected, "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
    let mut command = copy(home.path(), &from, &to);
    let (status, _, stderr) = run(command.args(["--tenant", "nobody"]));
    assert_eq!(status, 1);
    assert!(
        stderr.contains("the source has no tenant called 'nobody'"),
        "{stderr}"
    );
    let (status, _, stderr) = run(copy(home.path(), &from, &missing).arg("--verify-only"));
    assert_eq!(status, 1);
    assert!(stderr.contains("there is no database at"), "{stderr}");
    assert!(!home.path().join("nowhere").exists());

    // The source is in somebody's hands.
    let store = source.open().await;
    let (status, _, stderr) = run(&mut copy(home.path(), &from, &to));
    assert_eq!(status, 1);
    assert!(stderr.contains("cannot open the database"), "{stderr}");
    store.close().await.unwrap();
}

/// A location with a password need not stand where other users of the machine read it.
#[tokio::test]
async fn locations_may_come_from_the_environment() {
    let (source, destination, _) = ends().await;
    let home = tempfile::tempdir().unwrap();
    let mut command = support::clean_command(support::binary(), home.path());
    command
        .arg("copy")
        .env("EVENT_HISTORY_COPY_TO", destination.location());
    let (status, _, stderr) = run(&mut command);
    assert_eq!(status, 2);
    assert!(
        stderr.contains("--from is missing: give it or EVENT_HISTORY_COPY_FROM"),
        "{stderr}"
    );
    let (status, stdout, stderr) = run(command.env("EVENT_HISTORY_COPY_FROM", source.location()));
    assert_eq!(status, 0, "{stdout}{stderr}");
}

/// TERM ends a run like any other cause: what it reported is true, and the next run resumes.
#[tokio::test(flavor = "multi_thread")]
async fn it_stops_on_a_signal() {
    let (source, destination) = (Place::new(), Place::new());
    fill(&source.location(), 8, 16_000).await;
    let home = tempfile::tempdir().unwrap();
    let (from, to) = (source.location(), destination.location());
    let copying = Running::spawn(&mut copy(home.path(), &from, &to));
    support::wait_for("a tenant", COPY_TIMEOUT, async || {
        (destination.tenants() >= 1).then_some(())
    })
    .await;
    let status = copying.term();
    assert_eq!(status.code(), Some(128 + 15), "{}", copying.stderr());
    assert!(
        copying
            .stderr()
            .contains("run the same command again to resume")
    );
    let (status, stdout, stderr) = run(&mut copy(home.path(), &from, &to));
    assert_eq!(status, 0, "{stdout}{stderr}");
}

/// Events of the largest size that the API takes: memory stays bounded.
#[tokio::test(flavor = "multi_thread")]
async fn large_events_are_copied_in_bounded_memory() {
    // The worst: all that small events are scanned in, and the next scan of that size is of large ones.
    const SMALL: usize = 16 + 64 + 3 * 256;
    for (small, max_resident_bytes) in [(0, 150_000_000), (SMALL, 600_000_000)] {
        copies_within(small, max_resident_bytes).await;
    }
}

async fn copies_within(small: usize, max_resident_bytes: u64) {
    let large = support::number_from_environment("EVENT_HISTORY_TEST_COPY_LARGE", 40);
    let (source, destination) = (Place::new(), Place::new());
    let store = source.open().await;
    let tenant = tenant("large");
    store.create_tenant(tenant.clone()).await.unwrap();
    store.append(&tenant, history(9, small)).await.unwrap();
    let text = "x".repeat(1024 * 1024 - 16);
    let mut random = Random::seeded(10);
    for number in 0..large {
        let event = Event {
            data: EventData::from_stored(format!("[\"{text}\",{number}]")),
            time: EventTime::parse("2026-11-10T10:26:12Z").unwrap(),
            ..random.event()
        };
        store.append(&tenant, vec![event]).await.unwrap();
    }
    store.close().await.unwrap();

    let home = tempfile::tempdir().unwrap();
    let mut command = copy(home.path(), &source.location(), &destination.location());
    let copying = Running::spawn(&mut command);
    let mut resident_bytes = 0;
    support::wait_for("the end", COPY_TIMEOUT, async || {
        resident_bytes = copying.peak_memory_bytes().unwrap_or(resident_bytes);
        copying.has_ended().then_some(())
    })
    .await;
    println!("{large} events of 1 MiB behind {small} small: {resident_bytes} bytes resident");
    let line = copying.line(Duration::from_secs(5));
    let expected = format!("large: source {} events", small as u64 + large);
    assert!(line.starts_with(&expected), "{line}");
    assert!(copying.end().success(), "{}", copying.stderr());
    assert!(
        resident_bytes < max_resident_bytes,
        "{resident_bytes} bytes resident"
    );
}

#[tokio::test]
async fn the_help_is_complete() {
    let home = tempfile::tempdir().unwrap();
    let mut command = support::clean_command(support::binary(), home.path());
    let help = support::run(command.args(["copy", "--help"]));
    let documented = include_str!("../../../docs/operations.md");
    for flag in [
        "from",
        "to",
        "files-from",
        "files-to",
        "tenant",
        "verify-only",
    ] {
        for text in [help.as_str(), documented] {
            assert!(text.contains(&format!("--{flag}")), "{flag}");
        }
    }
    for flag in ["FROM", "TO", "FILES_FROM", "FILES_TO"] {
        for text in [help.as_str(), documented] {
            assert!(
                text.contains(&format!("EVENT_HISTORY_COPY_{flag}")),
                "{flag}"
            );
        }
    }
    assert!(
        help.contains("Nothing may write to the source during the last run"),
        "{help}"
    );
}
