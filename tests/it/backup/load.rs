//! A backup that is taken while many write.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use super::{back_up, data_of, digests, file_digest, restore, send, send_file, serve, verify};
use crate::support::{self, Server, Tenant};

const WRITERS: usize = 6;
const TENANTS: usize = 3;

/// Of so many writes one is a file.
const FILE_EVERY: u64 = 8;

/// The longest time until the writers have got somewhere.
const LOAD_TIMEOUT: Duration = Duration::from_mins(1);

/// What the service has acknowledged: events and events with files, by tenant.
#[derive(Debug, Default)]
struct Acknowledged {
    events: HashSet<(usize, String)>,
    files: HashSet<(usize, String)>,
}

async fn write(
    server: &Server,
    tenants: &[Tenant],
    number: usize,
    acknowledged: &Mutex<Acknowledged>,
    is_over: &AtomicBool,
) {
    let mut attempt = number as u64;
    while !is_over.load(Ordering::Relaxed) {
        let at = usize::try_from(attempt).unwrap() % tenants.len();
        if attempt.is_multiple_of(FILE_EVERY) {
            let id = send_file(server, &tenants[at], 50_000).await;
            acknowledged.lock().unwrap().files.insert((at, id.clone()));
            acknowledged.lock().unwrap().events.insert((at, id));
        } else {
            let ids = send(server, &tenants[at], 5).await;
            let ids = ids.into_iter().map(|id| (at, id));
            acknowledged.lock().unwrap().events.extend(ids);
        }
        attempt += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_acknowledged_before_a_backup_began_is_in_it() {
    let events = support::number_from_environment("EVENT_HISTORY_TEST_BACKUP_EVENTS", 400);
    let server = Server::start();
    let mut tenants = Vec::new();
    for number in 0..TENANTS {
        tenants.push(server.create_tenant(&format!("Loaded_{number}")).await);
    }
    let target = server.folder().join("target");
    let target = target.to_str().unwrap();
    let (acknowledged, is_over) = (Mutex::default(), AtomicBool::new(false));
    let writers = (0..WRITERS).map(|it| write(&server, &tenants, it, &acknowledged, &is_over));
    let backing_up = async {
        let mut before = Vec::new();
        // The second one is incremental, under the same load.
        for round in 1..=2 {
            let enough = usize::try_from(round * events / 2).unwrap();
            support::wait_for("events", LOAD_TIMEOUT, async || {
                (acknowledged.lock().unwrap().events.len() >= enough).then_some(())
            })
            .await;
            let known = {
                let known: std::sync::MutexGuard<'_, Acknowledged> = acknowledged.lock().unwrap();
                (known.events.clone(), known.files.clone())
            };
            let said = back_up(&server, target).await.ok();
            let name = said.split([' ', ':']).nth(1).unwrap().to_owned();
            before.push((name, known));
        }
        is_over.store(true, Ordering::Relaxed);
        before
    };
    let (_, before) = tokio::join!(join_all(writers), backing_up);
    verify(&server, target).await.ok();
    let mut source = Vec::new();
    for tenant in &tenants {
        source.push(digests(&server, tenant).await);
    }
    for (name, (events, files)) in before {
        let restored = server.folder().join(&name);
        let words = [
            "restore",
            target,
            "--data-dir",
            restored.to_str().unwrap(),
            "--backup",
            &name,
        ];
        super::run(super::command(&server, &words)).await.ok();
        let copy = serve(&restored);
        for (at, tenant) in tenants.iter().enumerate() {
            let found = digests(&copy, tenant).await;
            assert!(
                source[at].starts_with(&found),
                "{name}: not a beginning of the arrival order of the source"
            );
            let by_id: HashMap<_, _> = found.into_iter().collect();
            let lost = events
                .iter()
                .find(|(of, id)| *of == at && !by_id.contains_key(id));
            assert_eq!(lost, None, "{name}");
        }
        for (at, id) in &files {
            let [one, other] = [
                file_digest(&server, &tenants[*at], id).await,
                file_digest(&copy, &tenants[*at], id).await,
            ];
            assert_eq!(one, other, "{name}: the file of event {id}");
        }
        println!(
            "{name}: {} events and {} files acknowledged before",
            events.len(),
            files.len()
        );
    }
}

/// Also of tenants whose database the service has closed, and with everything only in the log of a killed one.
#[tokio::test]
async fn a_stopped_or_killed_service_is_backed_up_too() {
    let mut server = Server::start();
    let tenant = server.create_tenant("demo").await;
    for kill in [false, true] {
        send(&server, &tenant, 20).await;
        let expected = digests(&server, &tenant).await;
        if kill {
            server.kill();
        } else {
            server.process().term();
        }
        let target = server.folder().join("target");
        back_up(&server, target.to_str().unwrap()).await.ok();
        let restored = server.folder().join(format!("restored-{kill}"));
        restore(&server, target.to_str().unwrap(), &restored)
            .await
            .ok();
        let logs = ["-wal", "-shm", "-owner"].map(|end| format!("tenants/demo.db{end}"));
        for log in logs {
            assert!(!restored.join(&log).exists(), "{log}");
        }
        let copy = serve(&restored);
        assert_eq!(digests(&copy, &tenant).await, expected, "killed: {kill}");
        assert!(!data_of(&server).join("backup-scratch").exists());
        server.start_again();
        assert_eq!(digests(&server, &tenant).await, expected, "killed: {kill}");
    }
}
