//! Clients that begin handshakes without end: each costs the service a signature, and them next to nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::authority::Authority;
use super::{address, assert_live, connect, server_with};

/// How many handshakes are begun at once. Their signatures take a third of a second together.
const CALLERS: usize = 64;

const FLOOD: Duration = Duration::from_secs(4);

/// A request waits for far longer where it waits for their signatures.
const MEDIAN: Duration = Duration::from_millis(100);

/// Returns the first message of a handshake, which may be sent any number of times.
fn hello() -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).expect("written");
    hello
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_handshakes_does_not_delay_requests() {
    let authority = Authority::new();
    let server = server_with(&authority.issue("server", "rsa:4096")).start();
    let mut kept = connect(&authority, &server).await;
    let (ends, answered) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let hello = hello();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (ends, answered) = (Arc::clone(&ends), Arc::clone(&answered));
            let (hello, address) = (hello.clone(), address(&server).to_owned());
            tokio::spawn(async move {
                while !ends.load(Ordering::Relaxed) {
                    let Ok(mut stream) = TcpStream::connect(&address).await else {
                        continue;
                    };
                    let mut first = [0; 1];
                    if stream.write_all(&hello).await.is_ok()
                        && stream.read_exact(&mut first).await.is_ok()
                    {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let start = Instant::now();
    let mut times = Vec::new();
    while start.elapsed() < FLOOD {
        let asked = Instant::now();
        assert_live(&mut kept).await;
        times.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    ends.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("a caller");
    }
    let answered = answered.load(Ordering::Relaxed);
    times.sort_unstable();
    let median = times[times.len() / 2];
    println!(
        "{} requests, median {median:?}, beside {answered} handshakes",
        times.len()
    );
    assert!(answered > CALLERS, "{answered} handshakes");
    assert!(median < MEDIAN, "a median of {median:?}");
}
