//! The example's backend keeps its key, and does nothing for pages of other origins.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::support::{self, Running};

const KEY: &str = "key-that-stays-here";

/// Starts the backend before the service at `url`. Returns it and its address.
fn start(home: &Path, url: &str) -> (Running, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/browser-upload");
    let mut command = support::clean_command(support::python(), home);
    command
        .arg(folder.join("server.py"))
        .args(["--listen", "127.0.0.1:0"])
        .env("EVENT_HISTORY_URL", url)
        .env("EVENT_HISTORY_API_KEY", KEY)
        .env("EVENT_HISTORY_CLIENT_ID", "client");
    let backend = Running::spawn(&mut command);
    let line = backend.line(Duration::from_secs(30));
    let address = line.strip_prefix("listening on http://").unwrap();
    (backend, address.to_owned())
}

/// Answers each connection with `answer`, and passes on what it was sent first.
fn answering(answer: String) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 16 * 1024];
            let read = stream.read(&mut head).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            if sender.send(head).is_err() {
                return;
            }
        }
    });
    (url, requests)
}

/// Sends `request` and returns everything that is answered until the backend closes the connection.
fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let bound = Some(Duration::from_secs(20));
    stream.set_read_timeout(bound).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // With unread bytes, the end of a connection may be a reset.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_redirect_does_not_get_the_key() {
    let home = tempfile::tempdir().unwrap();
    let (elsewhere, requests) = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".into());
    let location = format!(
        "HTTP/1.1 302 Found\r\nLocation: {elsewhere}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let (service, of_service) = answering(location);
    let (_backend, address) = start(home.path(), &service);
    let answer = ask(
        &address,
        "GET /upload-url?file_name=x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(of_service.recv().unwrap().contains(KEY));
    assert!(requests.try_recv().is_err(), "the redirect was followed");
}

#[test]
fn a_request_that_a_page_of_another_origin_can_send_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let (service, requests) = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".into());
    let (_backend, address) = start(home.path(), &service);
    let body = r#"{"file_id": "x", "record_id": 1}"#;
    for content_type in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: text/plain; application/json\r\n",
    ] {
        let length = body.len();
        let request = format!(
            "POST /events HTTP/1.1\r\nHost: x\r\n{content_type}Content-Length: {length}\r\n\r\n{body}"
        );
        let answer = ask(&address, &request);
        assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
    }
    assert!(requests.try_recv().is_err(), "an event was stored");
}

/// A body that is left unread must not be taken for the next request.
#[test]
fn an_unread_body_is_no_request() {
    let home = tempfile::tempdir().unwrap();
    let (service, requests) = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".into());
    let (_backend, address) = start(home.path(), &service);
    let hidden =
        "GET /upload-url?file_name=hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let length = hidden.len();
    let json = "Content-Type: application/json\r\n";
    for (request, status) in [
        (
            format!("POST /events HTTP/1.1\r\nHost: x\r\n{json}Transfer-Encoding: chunked\r\n\r\n"),
            411,
        ),
        (
            format!("POST /events HTTP/1.1\r\nHost: x\r\n{json}Content-Length: x\r\n\r\n"),
            411,
        ),
        (
            format!("POST /events HTTP/1.1\r\nHost: x\r\n{json}Content-Length: 99999\r\n\r\n"),
            413,
        ),
        (
            format!("POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"),
            415,
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"),
            200,
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            200,
        ),
    ] {
        let answer = ask(&address, &format!("{request}{hidden}"));
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{request}: {answer}"
        );
    }
    assert!(requests.try_recv().is_err());
}
