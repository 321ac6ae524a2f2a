//! Backups and restores that are killed leave a whole one, or one that is named as unfinished.

use std::fs;
use std::time::{Duration, Instant};

use super::{
    assert_not_served, back_up, command, digests, restore, send, send_file, serve, verify,
};
use crate::support::{self, Running, Server};

/// Runs a command to its end and returns how long it took.
async fn time(command: std::process::Command) -> Duration {
    let begin = Instant::now();
    super::run(command).await.ok();
    begin.elapsed()
}

/// Starts a command and kills it after a part of the time that it takes. Returns whether it had ended.
async fn kill_within(mut command: std::process::Command, longest: Duration) -> bool {
    let millis = 1 + support::random_below(u64::try_from(longest.as_millis()).unwrap());
    let running = Running::spawn(&mut command);
    tokio::time::sleep(Duration::from_millis(millis)).await;
    let had_ended = running.has_ended();
    running.kill();
    had_ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_backups_and_restores_are_whole_or_named_as_unfinished() {
    let rounds = support::number_from_environment("EVENT_HISTORY_TEST_BACKUP_KILLS", 4);
    let batches = support::number_from_environment("EVENT_HISTORY_TEST_BACKUP_KILL_BATCHES", 2);
    let server = Server::start();
    let mut tenants = Vec::new();
    for number in 0..3 {
        let tenant = server.create_tenant(&format!("killed_{number}")).await;
        for _ in 0..batches {
            send(&server, &tenant, 500).await;
        }
        for _ in 0..4 {
            send_file(&server, &tenant, 100_000).await;
        }
        tenants.push(tenant);
    }
    let target = server.folder().join("target");
    let name = target.to_str().unwrap().to_owned();
    let takes = time(command(&server, &["backup", &name, "--full"])).await;
    let (mut killed_backups, mut killed_restores) = (0, 0);
    for round in 0..rounds {
        let expected = send(&server, &tenants[0], 10).await;
        let complete = verify(&server, &name).await.ok();
        let complete = complete.matches("complete: backup").count();
        let killed = command(&server, &["backup", &name, "--full"]);
        killed_backups += u64::from(!kill_within(killed, takes).await);
        let said = verify(&server, &name).await.ok();
        let whole = said.matches("complete: backup").count();
        assert!([complete, complete + 1].contains(&whole), "{round}: {said}");
        // What it left in the way of the next one is nothing.
        back_up(&server, &name).await.ok();

        let restored = server.folder().join(format!("restored-{round}"));
        let whole = server.folder().join(format!("whole-{round}"));
        let words = |data: &std::path::Path| {
            command(
                &server,
                &["restore", &name, "--data-dir", data.to_str().unwrap()],
            )
        };
        let takes = time(words(&whole)).await;
        killed_restores += u64::from(!kill_within(words(&restored), takes).await);
        let is_marked = restored.join("restore-unfinished.json").exists();
        let is_whole = restored.join("registry.db").exists() && !is_marked;
        if is_marked {
            assert_not_served(&restored);
        }
        if !is_whole {
            assert!(is_marked || !restored.join("tenants").exists(), "{round}");
            restore(&server, &name, &restored).await.ok();
        }
        let copy = serve(&restored);
        for tenant in &tenants {
            assert_eq!(
                digests(&copy, tenant).await,
                digests(&server, tenant).await,
                "{round}"
            );
        }
        let found = digests(&copy, &tenants[0]).await;
        assert!(
            expected
                .iter()
                .all(|id| found.iter().any(|(it, _)| it == id))
        );
        drop(copy);
        fs::remove_dir_all(&restored).unwrap();
        fs::remove_dir_all(&whole).unwrap();
    }
    println!(
        "{rounds} rounds: {killed_backups} backups and {killed_restores} restores were killed on their way"
    );
}
