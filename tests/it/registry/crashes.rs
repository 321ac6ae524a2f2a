//! What a crash between two steps leaves of a tenant is finished at the start, and mistaken for nothing else.

use http::{Method, StatusCode};

use super::{check, count, database, deliver, edit_registry, history_answers};
use crate::support::{Server, expect};

const ROUNDS: usize = 6;

#[tokio::test]
async fn no_kill_while_tenants_come_and_go_leaves_a_database_without_its_entry() {
    let mut server = Server::start();
    let kept = server.create_tenant("kept").await;
    deliver(&server, &kept, 1).await;
    for round in 0..ROUNDS {
        let work = async {
            for number in 0_u32.. {
                let name = format!("round-{round}-{number}");
                let tenant = server.create_tenant(&name).await;
                let request = server.request_as(&tenant, Method::DELETE, "/api/delete-tenant");
                expect(request, StatusCode::OK).await;
            }
        };
        // A time within which some come and go; where it ends is up to chance.
        let time = std::time::Duration::from_millis(150 + 37 * round as u64);
        let _ = tokio::time::timeout(time, work).await;
        server.kill();
        server.start_again();
        check(&server).is_well();
        let log = server.process().stderr();
        assert!(!log.contains("no tenant entry"), "{log}");
        assert_eq!(count(&server, &kept).await, Some(1));
    }
}

/// The registry comes from a backup that was taken in the middle of a creation or a deletion.
#[tokio::test]
async fn an_old_word_of_the_registry_destroys_no_database() {
    let mut server = Server::start();
    let (made, again) = (
        server.create_tenant("made").await,
        server.create_tenant("again").await,
    );
    deliver(&server, &made, 2).await;
    deliver(&server, &again, 3).await;
    server.process().term();
    edit_registry(
        &server,
        "UPDATE tenants SET state = 'creating' WHERE database_name = 'made';
         UPDATE tenants SET state = 'deleting', client_id = x'000102030405060708090a0b0c0d0e0f'
             WHERE database_name = 'again';",
    );
    server.start_again();
    assert_eq!(count(&server, &made).await, Some(2));
    history_answers(&server, &again, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(database(&server, "again").exists());
    check(&server).only_wrong("database", &["again.db", "tenants adopt again"]);
}
