//! A network that fails between the service and one of its backends: every request ends in time, what
//! is acknowledged is stored, and the service recovers by itself.

mod clickhouse;
mod stage;

use std::time::Duration;

use crate::support::{Mode, Proxy, SeaweedFs, Server};
use stage::{Backend, Stage};

/// What the network does, and whether the backend is then out of reach: one that is slower than a
/// request may be is as good as gone.
const FAULTS: [(Mode, bool); 9] = [
    (Mode::Pass, false),
    (Mode::Delay(Duration::from_millis(50)), false),
    (Mode::Delay(Duration::from_secs(10)), true),
    (Mode::Cut(20), true), // less than the head of an answer
    (Mode::Throttle(20), true),
    (Mode::Reset, true),
    (Mode::HalfOpen, true),
    (Mode::Refuse, true),
    // Again: what a pool of connections holds depends on what was before.
    (Mode::HalfOpen, true),
];

#[tokio::test]
async fn requests_end_whatever_is_before_seaweedfs() {
    let seaweedfs = SeaweedFs::start().await;
    let address = seaweedfs.storage().endpoint.trim_start_matches("http://");
    let proxy = Proxy::start(address.parse().expect("an address"));
    let mut storage = seaweedfs.storage().clone();
    storage.endpoint = format!("http://{}", proxy.address());
    let server = Server::builder().files_in(&storage).start();
    let stage = Stage::new(server, proxy, Backend::Files).await;
    println!("{}", survive(stage).await);
}

/// Lets every fault befall the stage's backend and the service recover from each; returns how it went.
async fn survive(mut stage: Stage) -> String {
    let mut report = String::new();
    for (mode, out_of_reach) in FAULTS {
        stage.befall(mode, out_of_reach).await;
        report += &recover(&mut stage, &format!("{mode:?}")).await;
    }
    stage.forget_connections();
    report += &recover(&mut stage, "connections that were forgotten").await;
    report + &stage.assert_the_ledger_holds().await
}

async fn recover(stage: &mut Stage, from: &str) -> String {
    let recovered_after = stage.recover().await;
    let slowest = stage.slowest();
    format!("{from}: slowest request {slowest:.1?}, all well again after {recovered_after:.1?}\n")
}
