//! The same network before ClickHouse.

use super::stage::{Backend, Stage};
use super::survive;
use crate::support::{ClickHouse, Proxy, Server};

#[tokio::test]
async fn requests_end_whatever_is_before_clickhouse() {
    let engine = ClickHouse::start();
    let proxy = Proxy::start(engine.address());
    let server = Server::builder()
        .env("EVENT_HISTORY_DATABASE", engine.url_at(proxy.address()))
        .start();
    let stage = Stage::new(server, proxy, Backend::Database).await;
    println!("{}", survive(stage).await);
}
