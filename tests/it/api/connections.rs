//! What happens to a request when its connection is not the usual one.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Call, envelope, tenant};
use crate::support::hostile::{address, answer_head};
use crate::support::{API_KEY, Server};

/// A client may close its half of a connection once it has sent everything (RFC 9112, section 9.6).
#[tokio::test]
async fn a_half_closed_client_is_answered() {
    const EVENTS: u32 = 20;
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    for number in 0..EVENTS {
        let body = envelope("demo", number).to_string();
        let request = format!(
            "POST /api/event-bridge/create-event HTTP/1.1\r\nHost: x\r\nX-API-Key: {API_KEY}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let connected = TcpStream::connect(address(server.url())).await;
        let mut stream = connected.expect("connected");
        let sent = stream.write_all(request.as_bytes()).await;
        sent.expect("sent");
        stream.shutdown().await.expect("half closed");
        let head = answer_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 201 "), "event {number}: {head}");
    }
    let list = Call::new(&server, "GET", "/api/history/events").client(&client);
    assert_eq!(list.send().await.body["total_count"], EVENTS);
}
