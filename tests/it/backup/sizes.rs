//! What a later backup copies.

use super::{back_up, bytes_below, digests, restore, send, send_file, serve, verify};
use crate::support::{self, Server};

/// What one event, one file of 10,000 bytes and new listings may take: the database's pages that an event changes are its
/// row and at least one of each of a dozen indexes, each in a chunk of 256 KiB, of which two may share one or not.
const LITTLE_BYTES: u64 = 4_500_000;

/// What a backup of nothing new may take: its documents and listings.
const DOCUMENTS_BYTES: u64 = 100_000;

#[tokio::test]
async fn a_later_backup_copies_what_changed_and_little_more() {
    let batches = support::number_from_environment("EVENT_HISTORY_TEST_BACKUP_BATCHES", 12);
    let server = Server::start();
    let [large, idle] = [
        server.create_tenant("large").await,
        server.create_tenant("idle").await,
    ];
    for _ in 0..batches {
        send(&server, &large, 1000).await;
    }
    send(&server, &idle, 10).await;
    for _ in 0..5 {
        send_file(&server, &idle, 200_000).await;
    }
    let target = server.folder().join("target");
    let name = target.to_str().unwrap().to_owned();
    let said = back_up(&server, &name).await.ok();
    assert!(said.contains("4 databases and 6 files"), "{said}");
    let first = bytes_below(&target);
    assert!(first > batches * 1_000_000 + 1_000_000, "{first}");

    send(&server, &large, 1).await;
    send_file(&server, &large, 10_000).await;
    let said = back_up(&server, &name).await.ok();
    let second = bytes_below(&target) - first;
    println!("first backup: {first} bytes; after one event and one file: {second} bytes\n{said}");
    assert!(second < LITTLE_BYTES, "{second} bytes of {first}: {said}");

    let before = bytes_below(&target);
    let said = back_up(&server, &name).await.ok();
    let third = bytes_below(&target) - before;
    assert!(third < DOCUMENTS_BYTES, "{third}: {said}");

    // Files that are not read again: all but the one that names their owner, at the latest.
    let unchanged = |said: &str| -> u64 {
        let (_, rest) = said.split_once("; ").unwrap();
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    assert!(unchanged(&said) >= 6, "{said}");

    verify(&server, &name).await.ok();
    let restored = server.folder().join("restored");
    restore(&server, &name, &restored).await.ok();
    let copy = serve(&restored);
    for tenant in [&large, &idle] {
        assert_eq!(digests(&copy, tenant).await, digests(&server, tenant).await);
    }
}

#[tokio::test]
async fn an_unchanged_database_is_not_read_again_and_a_changed_one_is() {
    let mut server = Server::start();
    let tenant = server.create_tenant("demo").await;
    send(&server, &tenant, 10).await;
    server.process().term();
    let target = server.folder().join("target");
    let target = target.to_str().unwrap();
    // The system tenant's database, with the creation of the other one, does not change.
    for (unchanged, sends) in [(0, false), (2, false), (2, true), (1, false)] {
        let said = back_up(&server, target).await.ok();
        assert!(said.contains(&format!("; {unchanged} unchanged")), "{said}");
        if sends {
            server.start_again();
            send(&server, &tenant, 1).await;
            server.process().term();
        }
    }
    let full = super::command(&server, &["backup", target, "--full"]);
    let said = super::run(full).await.ok();
    assert!(said.contains("; 0 unchanged"), "{said}");
}
