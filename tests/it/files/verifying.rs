//! `event-history files verify` reports exactly the files that differ from their records.

use std::time::Duration;

use http::{Method, StatusCode};
use rusty_s3::S3Action;
use serde_json::Value;

use super::{LIFE, embedded_settings, files, refer, run, upload};
use crate::support::{self, Running, Server, expect};

#[tokio::test]
async fn replaced_bytes_are_reported_and_not_downloaded() {
    let count = support::number_from_environment("EVENT_HISTORY_TEST_VERIFIED_FILES", 50);
    let server = Server::start();
    let tenant = server.create_tenant("verified").await;
    let mut uploaded = Vec::new();
    for _ in 0..count {
        let mut file = upload(&server, &tenant).await;
        refer(&server, &tenant, &mut file).await;
        assert!(file.event_id.is_some());
        uploaded.push(file);
    }
    let settings = embedded_settings(&server);
    let verify = ["verify"];
    let (code, lines) = run(files(server.folder(), &settings, &verify)).await;
    assert_eq!(code, 0, "{lines:?}");
    assert_eq!(lines[0]["sum"]["files"], count);

    let victim = &uploaded[uploaded.len() / 2];
    let storage = server.embedded_storage();
    let key = format!("{}/{}", tenant.database_name, victim.file_id);
    let (bucket, credentials) = (storage.bucket(), storage.credentials());
    // Whoever has the key pair can do even that.
    let delete = bucket.delete_object(Some(&credentials), &key).sign(LIFE);
    expect(server.client().delete(delete), StatusCode::NO_CONTENT).await;
    let put = bucket.put_object(Some(&credentials), &key).sign(LIFE);
    let forged = support::random_bytes(victim.bytes.len());
    expect(
        server.client().put(put).body(forged.clone()),
        StatusCode::OK,
    )
    .await;

    let (code, lines) = run(files(server.folder(), &settings, &verify)).await;
    assert_eq!(code, 1, "{lines:?}");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0]["problem"], "changed");
    assert_eq!(lines[0]["file_id"], *victim.file_id);
    let event_id = victim.event_id.as_deref().unwrap();
    assert_eq!(lines[0]["event_id"], event_id);
    let recorded = support::sha256_hex(&victim.bytes);
    assert_eq!(lines[0]["recorded"]["sha256"], recorded);
    assert_eq!(lines[0]["found"]["sha256"], support::sha256_hex(&forged));
    let target = format!("/api/history/events/{event_id}/file");
    let request = server.request_as(&tenant, Method::GET, &target);
    expect(request, StatusCode::CONFLICT).await;

    resumes_after_a_kill(&server, &settings, count).await;
}

async fn resumes_after_a_kill(server: &Server, settings: &[(&'static str, String)], count: u64) {
    let state = server.folder().join("state.json");
    let state = state.to_str().unwrap();
    // Some seconds' worth of bytes.
    let rate = (count * 5_500 / 5).to_string();
    let slow = ["verify", "--state", state, "--max-rate", &rate];
    let running = Running::spawn(&mut files(server.folder(), settings, &slow));
    let bound = Duration::from_mins(2);
    let text = support::wait_for("the state to be kept", bound, async || {
        assert!(!running.has_ended(), "{}", running.stderr());
        std::fs::read_to_string(state).ok()
    })
    .await;
    running.kill();
    let mark: Value = serde_json::from_str(&text).unwrap();
    let before = mark["files"].as_u64().unwrap();
    assert!(before > 0 && before < count, "{mark}");
    // Another selection would skip tenants that were not verified.
    let others = [&slow[..3], &["--tenant", "verified"]].concat();
    let output = files(server.folder(), settings, &others).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    let refusal = "has the state of a verification of all tenants";
    assert!(said.contains(refusal), "{said}");
    assert_eq!(std::fs::read_to_string(state).unwrap(), text);

    let (code, lines) = run(files(server.folder(), settings, &slow[..3])).await;
    assert_eq!(code, 1, "{lines:?}");
    let sum = &lines.last().unwrap()["sum"];
    assert_eq!(sum["files"], count, "{lines:?}");
    assert_eq!(sum["problems"], 1, "{lines:?}");
    assert!(!std::path::Path::new(state).exists());
}
