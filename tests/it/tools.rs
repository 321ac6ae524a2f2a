//! Tests of the test tools: an engine that is really killed, a network that really fails.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{self, ClickHouse, Mode, Proxy, Running, wait_for};

/// Long enough for whatever would come to come.
const SILENCE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn clickhouse_keeps_what_it_acknowledged() {
    let mut engine = ClickHouse::start();
    engine
        .query("CREATE TABLE default.kept (number UInt64) ENGINE = MergeTree ORDER BY number")
        .await;
    for number in 1..=3 {
        let insert =
            format!("INSERT INTO default.kept SETTINGS async_insert = 0 VALUES ({number})");
        engine.query(&insert).await;
        if number == 2 {
            engine.stop();
        } else {
            engine.kill();
        }
        engine.start_again();
        let count = engine.query("SELECT count() FROM default.kept").await;
        assert_eq!(count, format!("{number}\n"));
    }
}

#[tokio::test]
async fn a_guarded_clickhouse_knows_its_users_and_its_limit() {
    const MEMORY_BYTES: u64 = 1 << 30; // the engine itself has a quarter of it
    let engine = ClickHouse::start_guarded(MEMORY_BYTES);
    engine.query("CREATE DATABASE of_the_writer").await;
    let (reader, writer) = (ClickHouse::READER, ClickHouse::WRITER);
    let name = engine.query_as(Some(reader), "SELECT currentUser()").await;
    assert_eq!(name.as_deref(), Ok("reader\n"));
    let too_much = "SELECT length(groupArray(repeat('x', 100))) FROM numbers(50000000)";
    for (user, sql, code) in [
        (None, "CREATE DATABASE of_nobody", "ACCESS_DENIED"),
        (
            Some((writer.0, "wrong")),
            "SELECT 1",
            "AUTHENTICATION_FAILED",
        ),
        (Some(("stranger", "")), "SELECT 1", "AUTHENTICATION_FAILED"),
        (Some(reader), "CREATE DATABASE of_the_reader", "READONLY"),
        (Some(writer), too_much, "MEMORY_LIMIT_EXCEEDED"),
    ] {
        let error = engine.query_as(user, sql).await.expect_err(sql);
        assert!(error.contains(code), "{user:?}, {sql}: {error}");
    }
    let url = url::Url::parse(&engine.url()).expect("a URL");
    assert_eq!(url.username(), writer.0);
    assert!(!engine.url().contains(writer.1), "{url} is not encoded");
    assert_ne!(ClickHouse::url_of(reader, engine.address()), engine.url());
    assert!(!engine.process().has_ended());
}

#[tokio::test]
async fn clickhouse_ends_with_its_parent() {
    let engine = ClickHouse::start();
    let line = std::fs::read(format!("/proc/{}/cmdline", engine.process().pid()));
    let line = String::from_utf8(line.expect("the process is there")).expect("text");
    let mut words: Vec<_> = line.split_terminator('\0').map(ToOwned::to_owned).collect();
    engine.kill();

    let folder = tempfile::tempdir().expect("a folder");
    let place = words.len() - 2;
    words[place] = folder.path().display().to_string();
    let mut command = support::clean_command("sh", folder.path());
    command
        .args(["-c", "\"$@\" & echo $!; wait", "sh"])
        .args(words);
    let parent = Running::spawn(&mut command);
    let bound = Duration::from_mins(1);
    let child = parent.line(bound);
    assert_eq!(parent.line(bound), "ready");
    let process = format!("/proc/{child}");
    assert!(Path::new(&process).exists());
    parent.kill();
    wait_for("the engine to end", bound, async || {
        // Whoever inherits it may be slow to bury it.
        let state = std::fs::read_to_string(format!("{process}/status")).unwrap_or_default();
        (state.is_empty() || state.contains("State:\tZ")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_proxy_does_what_its_mode_says() {
    let echo = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let proxy = Proxy::start(echo.local_addr().expect("a bound address"));
    tokio::spawn(serve_echo(echo));
    let connect = || TcpStream::connect(proxy.address());
    let mut open = connect().await.expect("a connection");
    assert_eq!(ask(&mut open, 20).await, Some(20));

    let timed = async |mode: Mode, connection: &mut TcpStream| {
        proxy.set(mode);
        let start = Instant::now();
        assert_eq!(ask(connection, 20).await, Some(20), "{mode:?}");
        start.elapsed()
    };
    let delay = Duration::from_millis(100);
    assert!(timed(Mode::Delay(delay), &mut open).await >= 2 * delay);
    assert!(timed(Mode::Throttle(40), &mut open).await >= Duration::from_millis(400));
    // The first bytes pass at once, and the next have to wait for them.
    let limit = Mode::Limit(100);
    timed(limit, &mut open).await;
    assert!(timed(limit, &mut open).await >= Duration::from_millis(150));
    assert!(timed(Mode::Pass, &mut open).await < 2 * delay);

    proxy.set(Mode::Cut(7));
    assert_eq!(ask(&mut open, 20).await, Some(7));
    assert_eq!(
        ask(&mut connect().await.expect("a new one"), 20).await,
        Some(7)
    );

    proxy.set(Mode::Pass);
    let mut open = connect().await.expect("a connection");
    assert_eq!(ask(&mut open, 20).await, Some(20));
    proxy.set(Mode::Reset);
    assert_reset(&mut open).await;
    match connect().await {
        Ok(mut new) => assert_reset(&mut new).await,
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }

    proxy.set(Mode::Pass);
    let mut open = connect().await.expect("a connection");
    assert_eq!(ask(&mut open, 20).await, Some(20));
    proxy.set(Mode::HalfOpen);
    let mut new = connect().await.expect("it listens");
    assert_eq!(ask(&mut open, 20).await, None);
    assert_eq!(ask(&mut new, 20).await, None);
    proxy.set(Mode::Pass);
    assert_eq!(ask(&mut open, 20).await, None, "it stays silent");
    assert_eq!(ask(&mut new, 20).await, None, "it stays silent");

    let mut open = connect().await.expect("a connection");
    assert_eq!(ask(&mut open, 20).await, Some(20));
    proxy.set(Mode::Refuse);
    assert_reset(&mut open).await;
    let refused = connect().await.expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.set(Mode::Pass);
    let mut new = connect().await.expect("it listens again");
    assert_eq!(ask(&mut new, 20).await, Some(20));

    let address: SocketAddr = proxy.address();
    drop(proxy);
    assert!(TcpStream::connect(address).await.is_err());
}

async fn serve_echo(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        tokio::spawn(async move {
            let (mut from, mut to) = stream.split();
            tokio::io::copy(&mut from, &mut to).await
        });
    }
}

/// Sends so many bytes and returns how many came back before the end; `None`: silence.
async fn ask(connection: &mut TcpStream, length: usize) -> Option<usize> {
    let sent = vec![b'x'; length];
    connection.write_all(&sent).await.expect("it takes them");
    let mut came = Vec::new();
    while came.len() < length {
        let read = connection.read_buf(&mut came);
        let Ok(read) = tokio::time::timeout(SILENCE, read).await else {
            return None;
        };
        if read.expect("an answer or an end") == 0 {
            break;
        }
    }
    assert!(sent.starts_with(&came), "other bytes came back");
    Some(came.len())
}

async fn assert_reset(connection: &mut TcpStream) {
    let error = connection.read(&mut [0]).await.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}
