//! Batches that are compressed.

use std::io::Write;

use serde_json::json;

use super::batches::{MAX_BYTES, answer, call, count, details};
use super::{Answer, tenant};
use crate::support::Server;

async fn send_encoded(server: &Server, client: &str, coding: &str, body: Vec<u8>) -> Answer {
    let call = call(server, client).header("Content-Encoding", coding);
    call.bytes(body).send().await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}

#[tokio::test]
async fn encoded_bodies_are_decoded() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let events = json!(details(1..=1000)).to_string();
    let halves = events.as_bytes().split_at(events.len() / 3);
    let one_by_one = |encode: fn(&[u8]) -> Vec<u8>| [encode(halves.0), encode(halves.1)].concat();
    for (coding, body) in [
        ("gzip", gzip(events.as_bytes())),
        ("X-GZIP", one_by_one(gzip)),
        ("zstd", zstd(events.as_bytes())),
        ("zstd", one_by_one(zstd)),
        ("identity", events.clone().into_bytes()),
    ] {
        let sent = send_encoded(&server, &client, coding, body).await;
        let counts = ["stored", "duplicates"].map(|it| sent.body[it].as_u64().unwrap_or(0));
        assert_eq!(
            (sent.status.as_u16(), counts.iter().sum::<u64>()),
            (200, 1000),
            "{coding}"
        );
    }
    assert_eq!(count(&server, &client).await, 1000);
    for (coding, body) in [
        ("gzip", zstd(events.as_bytes())),
        ("zstd", gzip(events.as_bytes())),
        ("gzip", gzip(events.as_bytes())[..3000].to_vec()),
        ("zstd", zstd(events.as_bytes())[..3000].to_vec()),
        ("gzip", [gzip(events.as_bytes()), b"x".to_vec()].concat()),
        ("zstd", [zstd(events.as_bytes()), b"more".to_vec()].concat()),
    ] {
        let sent = send_encoded(&server, &client, coding, body).await;
        sent.is_invalid(&["body content_encoding_invalid"]);
    }
    for coding in ["br", "gzip, zstd", "deflate"] {
        let sent = send_encoded(&server, &client, coding, events.clone().into_bytes()).await;
        assert_eq!(
            (sent.status.as_u16(), sent.header("Accept-Encoding")),
            (415, "gzip, zstd")
        );
    }
    assert_eq!(count(&server, &client).await, 1000);
}

/// Bodies that unfold to a thousand times their size, of which nobody may be made to hold more than a little.
#[tokio::test]
async fn decompression_bombs_are_refused_before_they_take_memory() {
    // Unoptimized, decoders take seconds.
    let server = Server::builder().env("EVENT_HISTORY_REQUEST_TIMEOUT", "60s");
    let server = server.start();
    let client = tenant(&server, "demo").await;
    // A gigabyte: bodies may have several parts, which are decoded one after the other.
    let spaces = vec![b' '; 1 << 20];
    let (gzip, zstd) = (gzip(&spaces).repeat(1024), zstd(&spaces).repeat(1024));
    // A window of 128 MiB, which a decoder would have to keep.
    let mut wide = zstd::Encoder::new(Vec::new(), 1).expect("memory");
    wide.window_log(27).expect("a window");
    for part in [b"[", b"]"] {
        wide.write_all(part).expect("memory");
        wide.flush().expect("memory"); // so that the window is not made to fit
    }
    let wide = wide.finish().expect("memory");

    send_encoded(&server, &client, "zstd", self::zstd(b"[]"))
        .await
        .is(200, &answer(0, 0, 0, &json!([])));
    let before = server.process().memory_bytes("VmHWM");
    let too_large = format!("Larger than {MAX_BYTES} bytes.");
    for (coding, body) in [("gzip", gzip), ("zstd", zstd)] {
        let sent = send_encoded(&server, &client, coding, body).await;
        sent.is_error(413, &too_large);
    }
    let sent = send_encoded(&server, &client, "zstd", wide).await;
    sent.is_invalid(&["body content_encoding_invalid"]);
    let grown = server.process().memory_bytes("VmHWM") - before;
    assert!(grown < 24_000_000, "grown by {grown} bytes");
}
