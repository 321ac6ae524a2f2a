//! What has happened on disk before an event is answered, as the kernel sees it.

use std::collections::HashSet;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Running, Server, event};

const EVENTS: usize = 20;

/// The calls that write to a file or a socket, and those that make a file durable.
const TRACED: &str = "trace=write,writev,pwrite64,sendto,sendmsg,fsync,fdatasync";

/// How `strace -y` shows the write-ahead log of a database.
const LOG: &str = ".db-wal>";

#[tokio::test]
async fn an_event_is_synced_before_it_is_answered() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::builder()
        .env(
            "EVENT_HISTORY_DATABASE",
            format!("sqlite:{}", folder.path().join("data").display()),
        )
        .start();
    let tenant = server.create_tenant("demo").await;
    server.deliver(&tenant, &event()).await; // opens the database

    let output = folder.path().join("calls");
    let strace = Running::spawn(
        Command::new("strace")
            .args(["--follow-forks", "--decode-fds=path", "--string-limit=16"])
            .args(["-e", TRACED, "-o"])
            .arg(&output)
            .args(["-p", &server.process().pid().to_string()]),
    );
    wait_until_attached(&strace);
    for _ in 0..EVENTS {
        server.deliver(&tenant, &event()).await;
    }
    strace.term();

    let calls = fs::read_to_string(&output).expect("strace wrote what it saw");
    assert_eq!(answered_after_a_sync(&calls), EVENTS, "{calls}");
}

fn wait_until_attached(strace: &Running) {
    let end = Instant::now() + Duration::from_secs(20);
    while !strace.stderr().contains("attached") {
        assert!(
            Instant::now() < end && !strace.has_ended(),
            "strace does not attach: {}",
            strace.stderr()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Goes through the calls of events that came one after the other, and returns how many answers there
/// were. Panics at one that was sent before what was written to the log since the last one was synced.
fn answered_after_a_sync(calls: &str) -> usize {
    let (mut written, mut synced) = (false, false);
    // The threads whose sync has begun: its end is a line of its own where another call came between.
    let mut syncing = HashSet::new();
    let mut answers = 0;
    for line in calls.lines() {
        let (thread, call) = line.split_once(' ').expect("a thread and its call");
        let call = call.trim_start();
        let is_sync = call.starts_with("fsync(") || call.starts_with("fdatasync(");
        let has_resumed = call.starts_with("<... fsync") || call.starts_with("<... fdatasync");
        if call.starts_with("pwrite64(") && call.contains(LOG) {
            (written, synced) = (true, false);
        } else if is_sync && call.contains(LOG) && call.ends_with("<unfinished ...>") {
            syncing.insert(thread);
        } else if (is_sync && call.contains(LOG)) || (has_resumed && syncing.remove(thread)) {
            assert!(call.ends_with("= 0"), "a sync failed: {line}");
            synced = true;
        } else if call.contains("\"HTTP/1.1 201 Cre") {
            assert!(
                written,
                "nothing was written before answer {answers}:\n{calls}"
            );
            assert!(synced, "answer {answers} came before the sync:\n{calls}");
            (written, synced) = (false, false);
            answers += 1;
        }
    }
    answers
}

#[test]
#[should_panic(expected = "answer 1 came before the sync")]
fn an_answer_before_its_sync_is_found() {
    let calls = r#"
        7 pwrite64(5</data/demo.db-wal>, ""..., 4096, 32) = 4096
        7 fsync(5</data/demo.db-wal> <unfinished ...>
        8 write(4<anon_inode:[eventfd]>, "\1\0\0\0\0\0\0\0", 8) = 8
        7 <... fsync resumed>) = 0
        8 writev(9<socket:[1]>, [{iov_base="HTTP/1.1 201 Cre"..., iov_len=150}], 1) = 150
        7 pwrite64(5</data/demo.db-wal>, ""..., 4096, 4152) = 4096
        7 fsync(5</data/demo.db-wal> <unfinished ...>
        8 writev(9<socket:[1]>, [{iov_base="HTTP/1.1 201 Cre"..., iov_len=150}], 1) = 150
        7 <... fsync resumed>) = 0
    "#;
    let calls: Vec<&str> = calls
        .lines()
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .collect();
    answered_after_a_sync(&calls.join("\n"));
}
