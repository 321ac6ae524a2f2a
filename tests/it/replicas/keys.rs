//! Keys that one replica makes and revokes, as the others see them.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::json;
use tokio::time::sleep;

use super::start_replicas;
use crate::support::{ClickHouse, Mode, Proxy, Server, expect_json};

/// The time for which a revoked key may work.
const STALENESS: Duration = Duration::from_secs(5);

/// What a request takes beside that, on busy cores.
const SLACK: Duration = Duration::from_secs(1);

async fn make(server: &Server) -> (String, String) {
    let body = json!({"name": "k", "scopes": ["read"]});
    let request = server.request(Method::POST, "/api/keys").json(&body);
    let answer = expect_json(request, StatusCode::CREATED).await;
    let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
    (text("id"), text("key"))
}

async fn status(server: &Server, key: &str) -> u16 {
    let url = format!("{}/api/catalogue", server.url());
    let request = server.client().get(url).header("X-API-Key", key);
    request.send().await.expect("an answer").status().as_u16()
}

/// Uses a key without a pause until it is refused, and returns when that was.
async fn use_up(server: &Server, key: &str) -> Instant {
    loop {
        match status(server, key).await {
            200 => {}
            401 => return Instant::now(),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_works_at_once_and_is_revoked_within_seconds_on_all_replicas_of_a_clickhouse() {
    let engine = ClickHouse::start();
    let servers = start_replicas(&engine.url(), 3, None);
    let (id, key) = make(&servers[0]).await;
    for server in &servers {
        assert_eq!(status(server, &key).await, 200, "it was made before");
    }
    let under_load = servers.iter().flat_map(|server| [server; 4]);
    let used_up = join_all(under_load.map(|server| use_up(server, &key)));
    let revoked = async {
        sleep(Duration::from_secs(3)).await; // by now all of them look it up in the background
        let revoke = servers[0].request(Method::DELETE, &format!("/api/keys/{id}"));
        expect_json(revoke, StatusCode::OK).await;
        Instant::now()
    };
    let (used_up, revoked) = tokio::join!(used_up, revoked);
    let latest = used_up
        .iter()
        .map(|it| it.saturating_duration_since(revoked));
    let latest = latest.max().expect("replicas");
    println!("revoked everywhere after {latest:?}");
    assert!(latest < STALENESS + SLACK, "{latest:?}");
}

/// What was accepted within the last seconds stays accepted, and of anything else nobody knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_outlast_an_outage_of_a_clickhouse_by_seconds() {
    let engine = ClickHouse::start();
    let proxy = Proxy::start(engine.address());
    let server = Server::builder()
        .env("EVENT_HISTORY_DATABASE", engine.url_at(proxy.address()))
        .start();
    let ((_, used), (_, unused)) = (make(&server).await, make(&server).await);
    assert_eq!(status(&server, &used).await, 200);
    proxy.set(Mode::Refuse);
    let cut = Instant::now();
    assert_eq!(status(&server, &used).await, 200);
    assert_eq!(status(&server, &unused).await, 503);
    assert_eq!(status(&server, "no key of ours").await, 401);
    assert_eq!(status(&server, crate::support::API_KEY).await, 200);
    while status(&server, &used).await == 200 {
        assert!(cut.elapsed() < STALENESS + SLACK);
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(status(&server, &used).await, 503);
    proxy.set(Mode::Pass);
    for key in [&used, &unused] {
        assert_eq!(status(&server, key).await, 200);
    }
}
