//! Unsigned requests are answered before their body is read, and cost next to nothing.

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::hostile::{address, answer_head, ask};
use crate::support::{Server, uuid};

const CREDENTIAL: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDINVENTED%2F20260101%2Fus-east-1%2F\
                          s3%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&\
                          X-Amz-Signature=0000";

fn head(server: &Server, method: &str, query: &str, headers: &str) -> String {
    let (host, id) = (address(server.url()), uuid());
    format!(
        "{method} /event-history/alx_demo/{id}?{query}{CREDENTIAL} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n"
    )
}

#[tokio::test]
async fn a_form_is_rejected_on_the_path_of_an_object() {
    let server = Server::start();
    for content_type in [
        "multipart/form-data; boundary=x",
        "Multipart/Form-Data;boundary=\"x\"",
        "multipart/form-data",
        " multipart/form-data ; boundary=x",
    ] {
        for query in ["uploads&", "uploadId=0&"] {
            for expect in ["", "Expect: 100-continue\r\n"] {
                let headers =
                    format!("Content-Type: {content_type}\r\nContent-Length: 3000000\r\n{expect}");
                let request = head(&server, "POST", query, &headers);
                let (_stream, answer) = ask(address(server.url()), &request).await;
                assert!(answer.starts_with("HTTP/1.1 405 "), "{headers}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn an_unexpected_body_is_rejected() {
    let server = Server::start();
    for (method, query) in [
        ("GET", ""),
        ("HEAD", ""),
        ("DELETE", ""),
        ("DELETE", "uploadId=0&"),
        ("POST", "uploads&"),
    ] {
        for (header, status) in [
            ("Content-Length: 1", 400),
            ("Content-Length: 99999999", 400),
            ("Transfer-Encoding: chunked", 411),
        ] {
            let request = head(&server, method, query, &format!("{header}\r\n"));
            let (_stream, answer) = ask(address(server.url()), &request).await;
            let line = format!("HTTP/1.1 {status} ");
            assert!(answer.starts_with(&line), "{method} {header}: {answer}");
        }
    }
}

#[tokio::test]
async fn too_many_parameters_are_rejected() {
    let server = Server::start();
    for (query, headers) in [
        ("a&".repeat(20_000), String::new()),
        (
            String::new(),
            format!(
                "Authorization: AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request, SignedHeaders={}host, Signature=0\r\n",
                "a;".repeat(20_000)
            ),
        ),
    ] {
        let request = head(&server, "GET", &query, &headers);
        let (_stream, answer) = ask(address(server.url()), &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
}

#[tokio::test]
async fn many_forged_signatures_take_no_memory() {
    const CALLERS: usize = 40;
    const BODY_BYTES: usize = 19 * 1024 * 1024;
    const MAX_BYTES: u64 = 150 * 1024 * 1024;
    let server = Server::start();
    let headers = format!(
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n",
        BODY_BYTES + 1024
    );
    let send = async || {
        let request = head(&server, "POST", "uploads&", &headers);
        let stream = TcpStream::connect(address(server.url())).await;
        let (mut reader, mut writer) = stream.expect("connected").into_split();
        let block = b"\r\n".repeat(32 * 1024);
        let sending = async {
            writer.write_all(request.as_bytes()).await?;
            let field = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
            writer.write_all(field.as_bytes()).await?;
            for _ in 0..BODY_BYTES / block.len() {
                writer.write_all(&block).await?;
            }
            Ok::<_, std::io::Error>(())
        };
        let mut answer = [0; 4096];
        tokio::select! {
            _ = sending => {} // refused in the middle, or all of it taken in
            _ = reader.read(&mut answer) => {}
        }
        reader.reunite(writer).expect("two halves of one")
    };
    let _streams = join_all((0..CALLERS).map(|_| send())).await;
    let bytes = server.process().memory_bytes("VmHWM");
    assert!(bytes < MAX_BYTES, "{bytes} bytes");
    let (mut stream, _) = ask(
        address(server.url()),
        "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
    )
    .await;
    stream
        .write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("sent");
    assert!(answer_head(&mut stream).await.contains("200"));
}
