//! Creations and deletions of tenants beside other processes that look into the data folder.

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::{Method, StatusCode};

use super::{delete_tenant, embedded_settings, files, run, upload};
use crate::support::{self, Server, Tenant, event};

/// The longest that a deletion takes beside sweeps.
const SOON: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn sweeps_delay_no_creation_and_no_deletion() {
    let count = support::number_from_environment("EVENT_HISTORY_TEST_SWEPT_TENANTS", 40);
    let mut server = Server::start();
    let mut tenants = Vec::new();
    for number in 0..count {
        let tenant = server.create_tenant(&format!("swept-{number:05}")).await;
        server.deliver(&tenant, &event()).await;
        if number % 4 == 0 {
            upload(&server, &tenant).await;
        }
        tenants.push(tenant);
    }
    let settings = embedded_settings(&server);
    let is_over = AtomicBool::new(false);
    let sweeps = AtomicU32::new(0);
    let sweeping = async || {
        while !is_over.load(Ordering::Relaxed) {
            let sweep = ["sweep", "--older-than", "0s", "--delete"];
            let (code, lines) = run(files(server.folder(), &settings, &sweep)).await;
            assert_eq!(code, 0, "{lines:?}");
            sweeps.fetch_add(1, Ordering::Relaxed);
        }
    };
    let changing = async {
        let mut slowest = Duration::ZERO;
        let begin = Instant::now();
        let mut number = 0;
        while begin.elapsed() < Duration::from_secs(10) || sweeps.load(Ordering::Relaxed) < 2 {
            let (old, name) = (tenants.pop().unwrap(), format!("made-{number:05}"));
            number += 1;
            let begin = Instant::now();
            assert_eq!(delete_tenant(&server, &old, "").await, StatusCode::OK);
            slowest = slowest.max(begin.elapsed());
            let begin = Instant::now();
            let new = server.create_tenant(&name).await;
            slowest = slowest.max(begin.elapsed());
            server.deliver(&new, &event()).await;
            upload(&server, &new).await;
            tenants.insert(0, new);
        }
        is_over.store(true, Ordering::Relaxed);
        println!("{number} tenants deleted and created, the slowest in {slowest:?}");
        slowest
    };
    let (slowest, ..) = tokio::join!(changing, join_all([sweeping(), sweeping()]));
    assert!(slowest < SOON, "{slowest:?}");

    // Readers do not keep it from starting either, after a KILL too, with the logs that it left.
    is_over.store(false, Ordering::Relaxed);
    server.kill();
    let settings = embedded_settings(&server);
    let home = server.folder().to_owned();
    let reading = tokio::spawn(async move {
        for _ in 0..2 {
            run(files(&home, &settings, &["verify"])).await;
        }
    });
    server.start_again();
    reading.await.unwrap();
}

fn delete(server: &Server, tenant: &Tenant) -> reqwest::RequestBuilder {
    server.request_as(tenant, Method::DELETE, "/api/delete-tenant")
}

/// A reader that stays for longer than a request may take: a stopped process, say.
#[tokio::test]
async fn a_deletion_that_waits_for_a_reader_is_repeated() {
    let server = Server::builder()
        .env("EVENT_HISTORY_REQUEST_TIMEOUT", "1s")
        .start();
    let tenant = server.create_tenant("read").await;
    server.deliver(&tenant, &event()).await;
    let database = server.folder().join("data/tenants/read.db");
    let reader = File::open(server.folder().join("data/external-access.lock")).unwrap();
    reader.lock_shared().unwrap();
    for _ in 0..3 {
        let status = delete(&server, &tenant).send().await.unwrap().status();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(database.exists());
    }
    // To all others the tenant is gone.
    let status = server.delivery(&tenant, &event()).send().await;
    assert_eq!(status.unwrap().status(), StatusCode::BAD_REQUEST);
    drop(reader);
    support::wait_for(
        "the deletion",
        Duration::from_secs(10),
        async || match delete(&server, &tenant).send().await.unwrap().status() {
            StatusCode::OK => Some(()),
            StatusCode::SERVICE_UNAVAILABLE => None,
            other => panic!("{other}"),
        },
    )
    .await;
    assert!(!database.exists());
    // It is gone for good, once each answer that got lost was repeated.
    support::wait_for("the end of it", Duration::from_secs(10), async || {
        let status = delete(&server, &tenant).send().await.unwrap().status();
        (status == StatusCode::BAD_REQUEST).then_some(())
    })
    .await;
    server.create_tenant("read").await;
}
