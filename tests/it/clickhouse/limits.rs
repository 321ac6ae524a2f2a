//! Problems of a ClickHouse are reported without passwords; a full disk or a dead host loses nothing that was
//! acknowledged.

use std::time::Duration;

use http::{Method, StatusCode};
use reqwest::header::RETRY_AFTER;
use tempfile::TempDir;

use crate::checks::{Report, check};
use crate::clients::tls::TlsFront;
use crate::support::{
    self, API_KEY, ClickHouse, Mode, Proxy, Server, event, expect, free_ports, wait_for,
};

const MEMORY_BYTES: u64 = 2 << 30;

/// Asserts that no password appears, in any encoding.
fn assert_no_secret(text: &str) {
    for secret in [
        ClickHouse::WRITER.1,
        "p%3Aw",
        ClickHouse::READER.1,
        "reads%20alone",
        ClickHouse::CLERK.1,
        "files%2Dwhat",
        "not-the-password",
    ] {
        assert!(!text.contains(secret), "'{secret}' is shown: {text}");
    }
}

fn check_of(url: &str, home: &TempDir) -> Report {
    let report = Report::of(check(home).args(["--database", url]));
    assert_no_secret(&report.lines.join("\n"));
    report
}

/// Starts the service on `url`, which must fail, and returns its messages.
fn refusal_of(url: &str, home: &TempDir) -> String {
    let mut command = support::clean_command(support::binary(), home.path());
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--database", url])
        .env("EVENT_HISTORY_API_KEY", API_KEY);
    let output = command.output().expect("the binary runs");
    assert!(!output.status.success(), "it started");
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).expect("text");
    assert_no_secret(&said);
    said
}

#[tokio::test]
async fn refusals_of_clickhouse_are_reported() {
    let engine = ClickHouse::start_guarded(MEMORY_BYTES);
    let home = tempfile::tempdir().expect("a folder");
    let url_of = |user| ClickHouse::url_of(user, engine.address());
    check_of(&engine.url(), &home).is_well();

    let forger = (ClickHouse::WRITER.0, "not-the-password");
    let stranger = ("stranger", "not-the-password");
    for (user, words) in [
        (forger, ["516", "set the user and password"]),
        (stranger, ["516", "set the user and password"]),
        (ClickHouse::READER, ["readonly", "read-only"]),
        (ClickHouse::CLERK, ["'clerk' may not", "GRANT "]),
    ] {
        let url = url_of(user);
        check_of(&url, &home).only_wrong("database", &words);
        let said = refusal_of(&url, &home);
        assert!(said.contains("clickhouse answered code"), "{said}");
    }
    let report = check_of(&url_of(ClickHouse::CLERK), &home);
    let line = report.lines.iter().find(|line| line.starts_with("wrong"));
    let line = line.expect("a line that says so");
    assert!(line.contains("may not CREATE DATABASE ON *.*"), "{line}");
    assert!(!line.contains("SELECT ON"), "that is allowed: {line}");

    let clustered = format!("{}?cluster=no-such-cluster", engine.url());
    check_of(&clustered, &home).only_wrong("database", &["'no-such-cluster'", "system.clusters"]);
    let said = refusal_of(&clustered, &home);
    assert!(said.contains("no-such-cluster"), "{said}");

    // Neither the check nor the failed start changed anything.
    let tables = engine.query("SHOW TABLES FROM default").await;
    assert_eq!(tables, "");
}

#[tokio::test]
async fn other_servers_are_reported_without_passwords() {
    let home = tempfile::tempdir().expect("a folder");
    let url_of = |address| ClickHouse::url_of(ClickHouse::WRITER, address);
    let [nobody] = free_ports();
    let nobody = url_of(([127, 0, 0, 1], nobody).into());
    check_of(&nobody, &home).only_wrong("database", &["cannot connect to clickhouse"]);
    let said = refusal_of(&nobody, &home);
    assert!(said.contains("cannot connect to clickhouse"), "{said}");

    // An HTTP server, but not ClickHouse.
    let other = Server::builder()
        .env(
            "EVENT_HISTORY_DATABASE",
            format!("sqlite:{}", home.path().join("data").display()),
        )
        .start();
    let address = other.url().trim_start_matches("http://");
    let other = url_of(address.parse().expect("an address"));
    check_of(&other, &home).only_wrong("database", &["make sure that ClickHouse runs"]);
    refusal_of(&other, &home);
    // A service whose setting cannot be read says so without the password in it.
    let said = refusal_of(&format!("{nobody}?clustre=x"), &home);
    assert!(said.contains("clustre"), "{said}");
}

#[tokio::test]
async fn one_of_several_hosts_may_fail_on_clickhouse() {
    let engine = ClickHouse::start_guarded(MEMORY_BYTES);
    let (one, two) = (
        Proxy::start(engine.address()),
        Proxy::start(engine.address()),
    );
    let url = engine.url_at(one.address());
    let both = format!("{}:{}", "127.0.0.1", one.address().port());
    let url = url.replace(&both, &format!("{},{}", one.address(), two.address()));
    one.set(Mode::Refuse);
    let server = Server::builder().env("EVENT_HISTORY_DATABASE", url).start();
    let tenant = server.create_tenant("demo").await;
    let mut sent = 0;
    // Not one request fails while one of them is well.
    for (one_is, two_is) in [
        (Mode::Refuse, Mode::Pass),
        (Mode::Pass, Mode::Refuse),
        (Mode::Pass, Mode::Reset),
        (Mode::HalfOpen, Mode::Pass),
        (Mode::Reset, Mode::Pass),
    ] {
        two.set(two_is);
        one.set(one_is);
        for _ in 0..5 {
            server.deliver(&tenant, &event()).await;
            sent += 1;
        }
        let list = server.get_json(&tenant, "/api/history/events").await;
        assert_eq!(list["total_count"], sent, "{one_is:?} {two_is:?}");
    }
    two.set(Mode::Refuse);
    let refused = server.delivery(&tenant, &event());
    let refused = expect(refused, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(refused.headers().contains_key(RETRY_AFTER));
    one.set(Mode::Pass);
    wait_for("the first host", Duration::from_secs(5), async || {
        let request = server.delivery(&tenant, &event()).send();
        let status = request.await.expect("the server answers").status();
        (status == StatusCode::CREATED).then_some(())
    })
    .await;
    assert_no_secret(&server.process().stderr());
}

#[tokio::test]
async fn tls_requires_a_trusted_certificate_on_clickhouse() {
    let engine = ClickHouse::start();
    let home = tempfile::tempdir().expect("a folder");
    let front = TlsFront::start(engine.address().port());
    let (port, certificate) = (&front.port, &front.certificate);
    let url = format!("clickhouses://localhost:{port}");

    check_of(&url, &home).only_wrong("database", &["cannot connect to clickhouse", "certificate"]);
    let mut trusting = check(&home);
    trusting
        .args(["--database", &url])
        .env("SSL_CERT_FILE", certificate);
    Report::of(&mut trusting).is_well();
    let server = Server::builder()
        .env("EVENT_HISTORY_DATABASE", &url)
        .env("SSL_CERT_FILE", certificate.display().to_string())
        .start();
    let tenant = server.create_tenant("demo").await;
    server.deliver(&tenant, &event()).await;
    let list = server.get_json(&tenant, "/api/history/events").await;
    assert_eq!(list["total_count"], 1);
    // Without TLS the same port is no ClickHouse.
    let plain = format!("clickhouse://localhost:{port}");
    check_of(&plain, &home).only_wrong("database", &["scheme"]);
}

/// A disk without room, as the engine sees one: it refuses what would write, before it writes.
#[tokio::test]
async fn a_full_disk_loses_nothing_on_clickhouse() {
    let mut engine = ClickHouse::start_guarded(MEMORY_BYTES);
    let server = Server::builder()
        .env("EVENT_HISTORY_DATABASE", engine.url())
        .start();
    let tenant = server.create_tenant("demo").await;
    let mut acknowledged = Vec::new();
    let mut refused = Vec::new();
    for round in 0..4 {
        let is_full = round % 2 == 1;
        if round > 0 {
            engine.stop();
            engine.start_again_on_a_disk(is_full);
        }
        for _ in 0..5 {
            let detail = event();
            let id = detail["event_id"].as_str().expect("an id").to_owned();
            if is_full {
                let answer = server.delivery(&tenant, &detail);
                let answer = expect(answer, StatusCode::SERVICE_UNAVAILABLE).await;
                assert!(answer.headers().contains_key(RETRY_AFTER));
                refused.push((id, detail));
            } else {
                server.deliver(&tenant, &detail).await;
                acknowledged.push(id);
            }
        }
        // Reads still work, on this replica as on any other.
        assert_holds(&server, &tenant, &acknowledged).await;
        let ready = server.request(Method::GET, "/health/ready");
        let body = support::expect_json(ready, StatusCode::OK).await;
        let writes = if is_full { "unavailable" } else { "ok" };
        assert_eq!(body["writes"], writes, "{body}");
        let metrics = expect(server.request(Method::GET, "/metrics"), StatusCode::OK).await;
        let metrics = metrics.text().await.expect("text");
        let line = format!("event_history_writes_available {}\n", u8::from(!is_full));
        assert!(metrics.contains(&line), "no {line} in {metrics}");
    }
    engine.stop();
    engine.start_again_on_a_disk(false);
    let said = server.process().stderr();
    assert!(said.contains("not enough space"), "another reason: {said}");
    for (id, detail) in refused {
        server.deliver(&tenant, &detail).await;
        acknowledged.push(id);
    }
    assert_holds(&server, &tenant, &acknowledged).await;
    expect(server.request(Method::GET, "/health/ready"), StatusCode::OK).await;
}

/// Asserts that exactly the acknowledged events are stored, each once.
async fn assert_holds(server: &Server, tenant: &support::Tenant, acknowledged: &[String]) {
    let list = server
        .get_json(tenant, "/api/history/events?limit=1000")
        .await;
    let results = list["results"].as_array().expect("results");
    let mut found: Vec<_> = results
        .iter()
        .map(|event| event["event_id"].as_str().expect("an id"))
        .collect();
    let mut expected: Vec<_> = acknowledged.iter().map(String::as_str).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}
