//! TLS as clients see it: openssl, reqwest and hostile ones.

mod authority;
mod clear;
mod flood;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use authority::{Authority, Pair, replace};

use crate::checks::{self, Report};
use crate::support::{Builder, Server, hostile, wait_for};

/// Far above what anything takes that does not wait for a hostile caller, and below the time limit of a handshake.
const SOON: Duration = Duration::from_secs(8);

/// Far above the interval at which the service reads its files again.
const RELOADED: Duration = Duration::from_secs(30);

const LIVE: &str = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn server_with(pair: &Pair) -> Builder {
    let path = |path: &Path| path.display().to_string();
    Server::builder()
        .env("EVENT_HISTORY_TLS_CERTIFICATE", path(&pair.certificate))
        .env("EVENT_HISTORY_TLS_KEY", path(&pair.key))
}

fn address(server: &Server) -> &str {
    let address = server.url().strip_prefix("https://");
    address.expect("the server says that it has TLS")
}

/// What openssl's client says about a connection, and whether the handshake succeeded.
fn s_client(server: &Server, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", address(server)]);
    let output = command.args(arguments).stdin(Stdio::null()).output();
    let output = output.expect("openssl runs");
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.success(), said)
}

/// Returns the serial number of the certificate that a new connection is shown.
fn serial_shown(server: &Server) -> String {
    let (_, said) = s_client(server, &[]);
    let file = server.folder().join("shown.pem");
    fs::write(&file, said).expect("written");
    let pair = Pair {
        certificate: file,
        key: PathBuf::new(),
    };
    pair.serial()
}

async fn connect(authority: &Authority, server: &Server) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(authority.root()).expect("PEM");
    roots.add(root).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(address(server))
        .await
        .expect("connected");
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, socket).await.expect("a handshake")
}

async fn assert_live(stream: &mut TlsStream<TcpStream>) {
    stream.write_all(LIVE.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"{\"status\":\"ok\"}") {
        let read = stream.read_buf(&mut answer).await.expect("an answer");
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
}

/// Callers who ask without a pause: half of them on a new connection each time.
struct Load {
    ends: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    callers: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    fn start(authority: &Authority, server: &Server) -> Self {
        let (ends, answered) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let url = format!("{}/health/live", server.url());
        let callers = (0..4).map(|number| {
            let idle = if number % 2 == 0 { usize::MAX } else { 0 };
            let client = authority.client(None).pool_max_idle_per_host(idle);
            let client = client.timeout(Duration::from_secs(30)).build();
            let client = client.expect("a client");
            let (url, ends, answered) = (url.clone(), Arc::clone(&ends), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut failures = Vec::new();
                while !ends.load(Ordering::Relaxed) {
                    match client.get(&url).send().await {
                        Ok(response) if response.status() == 200 => {
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        other => failures.push(format!("{other:?}")),
                    }
                }
                failures
            })
        });
        Self {
            callers: callers.collect(),
            ends,
            answered,
        }
    }

    /// Waits until this many more requests were answered.
    async fn go_on(&self, more: usize) {
        let goal = self.answered.load(Ordering::Relaxed) + more;
        wait_for("more answers", RELOADED, async || {
            (self.answered.load(Ordering::Relaxed) >= goal).then_some(())
        })
        .await;
    }

    async fn end(self) -> Vec<String> {
        self.ends.store(true, Ordering::Relaxed);
        let mut failures = Vec::new();
        for caller in self.callers {
            failures.extend(caller.await.expect("a caller"));
        }
        failures
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_replaced_under_load_without_a_failed_request() {
    let authority = Authority::new();
    let used = authority.issue("used", "ec:P-256");
    let renewed = [
        authority.issue("first", "rsa:2048"),
        authority.issue("second", "ec:P-384"),
    ];
    let server = server_with(&used).start();
    let mut kept = connect(&authority, &server).await;
    assert_live(&mut kept).await;
    let load = Load::start(&authority, &server);
    load.go_on(50).await;
    for pair in &renewed {
        used.replace_by(pair);
        wait_for("the new certificate", RELOADED, async || {
            (serial_shown(&server) == pair.serial()).then_some(())
        })
        .await;
        load.go_on(50).await;
    }
    // A key that belongs to another certificate, half a file, and none at all.
    let broken: [&dyn Fn(); 3] = [
        &|| replace(&used.key, &renewed[0].key),
        &|| fs::write(&used.certificate, "-----BEGIN CERTIFICATE-----\nMIIB").expect("written"),
        &|| fs::remove_file(&used.certificate).expect("removed"),
    ];
    for (number, broken) in broken.into_iter().enumerate() {
        broken();
        wait_for("the complaint", RELOADED, async || {
            let log = server.process().stderr();
            let complaints = log.matches("the TLS certificate in use is kept").count();
            (complaints > number).then_some(())
        })
        .await;
        assert_eq!(serial_shown(&server), renewed[1].serial());
        load.go_on(50).await;
    }
    used.replace_by(&renewed[0]);
    wait_for("the certificate after that", RELOADED, async || {
        (serial_shown(&server) == renewed[0].serial()).then_some(())
    })
    .await;
    load.go_on(50).await;
    let failures = load.end().await;
    assert_eq!(failures, Vec::<String>::new());
    assert_live(&mut kept).await;
}

#[tokio::test]
async fn only_current_versions_and_ciphers_are_spoken() {
    let authority = Authority::new();
    let server = server_with(&authority.issue("server", "rsa:2048")).start();
    let root = authority.root().display().to_string();
    for version in ["-tls1_2", "-tls1_3"] {
        let arguments = [
            version,
            "-CAfile",
            &root,
            "-verify_return_error",
            "-alpn",
            "h2,http/1.1",
        ];
        let (succeeded, said) = s_client(&server, &arguments);
        assert!(succeeded, "{version}: {said}");
        assert!(said.contains("ALPN protocol: http/1.1"), "{said}");
        assert!(said.contains("Compression: NONE"), "{said}");
    }
    for version in ["-tls1", "-tls1_1"] {
        let (succeeded, said) = s_client(&server, &[version, "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(!succeeded, "{version}: {said}");
        // It is the service that refuses, not openssl.
        assert!(
            said.contains("alert handshake failure"),
            "{version}: {said}"
        );
    }
    for ciphers in [
        "AES128-SHA:AES256-GCM-SHA384:AES128-GCM-SHA256", // no forward secrecy
        "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA384",   // CBC
        "aNULL:eNULL",
    ] {
        let ciphers = format!("{ciphers}:@SECLEVEL=0");
        let (succeeded, said) = s_client(&server, &["-tls1_2", "-cipher", &ciphers]);
        assert!(!succeeded, "{ciphers}: {said}");
        assert!(
            said.contains("alert handshake failure"),
            "{ciphers}: {said}"
        );
    }
    let (succeeded, said) = s_client(&server, &["-alpn", "h2"]);
    assert!(
        !succeeded && said.contains("no application protocol"),
        "{said}"
    );
}

#[tokio::test]
async fn mutual_tls_lets_only_known_clients_in() {
    let (authority, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let server = server_with(&authority.issue("server", "ec:P-256"))
        .env(
            "EVENT_HISTORY_TLS_CLIENT_CA",
            clients.root().display().to_string(),
        )
        .start();
    let known = clients.issue("known", "ec:P-256");
    let unknown = others.issue("unknown", "ec:P-256");
    let url = format!("{}/health/live", server.url());
    for version in [
        reqwest::tls::Version::TLS_1_2,
        reqwest::tls::Version::TLS_1_3,
    ] {
        for (identity, is_let_in) in [
            (Some(&known), true),
            (Some(&unknown), false),
            (None, false),
            (Some(&known), true),
        ] {
            let client = authority.client(identity);
            let client = client.tls_version_min(version).tls_version_max(version);
            let client = client.build().expect("a client");
            let answer = client.get(&url).send().await;
            let status = answer.as_ref().map(|it| it.status().as_u16());
            let case = format!("{identity:?} with {version:?}: {answer:?}");
            assert_eq!(status.ok(), is_let_in.then_some(200), "{case}");
        }
    }
}

#[test]
fn a_check_knows_a_running_service_with_mutual_tls() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let pair = authority.issue("server", "ec:P-256");
    let root = clients.root().display().to_string();
    let server = server_with(&pair)
        .env("EVENT_HISTORY_TLS_CLIENT_CA", root.clone())
        .start();
    let home = tempfile::tempdir().expect("a folder");
    let check = || {
        let mut command = checks::check(&home);
        command
            .env("EVENT_HISTORY_LISTEN", address(&server))
            .env("EVENT_HISTORY_TLS_CERTIFICATE", &pair.certificate)
            .env("EVENT_HISTORY_TLS_KEY", &pair.key);
        command
    };
    let report = Report::of(check().env("EVENT_HISTORY_TLS_CLIENT_CA", root));
    report.has("warning  listen", "asks for a client certificate");
    report.is_well();
    // Without, it is another program.
    Report::of(&mut check()).only_wrong("listen", &[address(&server), "--listen"]);
}

#[tokio::test]
async fn handshakes_that_never_end_delay_nobody() {
    const CONNECTIONS: usize = 32;
    let authority = Authority::new();
    let server = server_with(&authority.issue("server", "rsa:2048"))
        .env("EVENT_HISTORY_MAX_CONNECTIONS", CONNECTIONS.to_string())
        .start();
    let mut open = hostile::idle(address(&server), CONNECTIONS).await;
    // The head of a handshake's first record, which promises more than ever comes.
    let half = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    for mut stream in hostile::idle(address(&server), CONNECTIONS).await {
        stream.write_all(half).await.expect("sent");
        open.push(stream);
    }
    for _ in 0..5 {
        let start = Instant::now();
        let mut new = connect(&authority, &server).await;
        assert_live(&mut new).await;
        assert!(start.elapsed() < SOON, "after {:?}", start.elapsed());
    }
    // One that speaks no TLS is told so, and closed.
    let mut clear = TcpStream::connect(address(&server))
        .await
        .expect("connected");
    clear.write_all(LIVE.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(SOON, clear.read_to_end(&mut answer));
    let _ = read.await.expect("the connection is closed"); // or reset
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    // Their time is limited, where no new connection takes their place.
    for stream in &mut open {
        let closed = tokio::time::timeout(RELOADED, stream.read_to_end(&mut answer));
        let _ = closed.await.expect("the connection is closed"); // or reset
    }
    let client = authority.client(None).build().expect("a client");
    let metrics = client.get(format!("{}/metrics", server.url())).send();
    let metrics = metrics.await.expect("metrics").text().await.expect("text");
    let closed = |reason: &str| {
        let name = format!("event_history_connections_closed_total{{reason=\"{reason}\"}}");
        metrics.contains(&name)
    };
    assert!(closed("slow_handshake") && closed("evicted"), "{metrics}");
    // A shutdown does not wait for them either.
    let _stalled = hostile::idle(address(&server), 3).await;
    assert_live(&mut connect(&authority, &server).await).await;
    let start = Instant::now();
    assert!(server.process().term().success());
    assert!(start.elapsed() < SOON, "after {:?}", start.elapsed());
}
