//! Copies between storages that move few bytes a second for each request: a large file takes as long as it takes.

use std::time::{Duration, Instant};

use http::StatusCode;

use super::copies::{Settings, copy, destination, serve};
use super::{PART_BYTES, Uploaded, files, refer, run, upload_bytes, upload_in_parts};
use crate::support::{self, Mode, Proxy, SeaweedFs, Server, Storage, Tenant, expect};

const MIB: u64 = 1024 * 1024;

/// A file whose bytes are no longer in memory.
struct Sent {
    event_id: String,
    size_bytes: u64,
    sha256: String,
}

/// Returns the sizes of `count` files, from 1 MiB to `largest`. Most are small: of 100 files up to 200 MiB it is
/// 1.6 GB. Every other one is for parts, and has two at least.
fn sizes(count: u64, largest: u64) -> Vec<u64> {
    let smallest = |number: u64| [MIB, PART_BYTES as u64 + MIB][usize::from(number % 2 == 1)];
    let steps = count - 2;
    let size = |number: u64| {
        let thousandths = number * 1000 / steps;
        let twelfth_power = (0..11).fold(thousandths, |power, _| power * thousandths / 1000);
        let smallest = smallest(number);
        smallest + (largest - smallest) * twelfth_power / 1000
    };
    (0..steps).map(size).chain([largest; 2]).collect()
}

/// Uploads the files, every other one in parts, and sends an event for each.
async fn fill(server: &Server, tenant: &Tenant, sizes: &[u64]) -> Vec<Sent> {
    let mut sent = Vec::new();
    for (number, size_bytes) in sizes.iter().enumerate() {
        let bytes = support::random_bytes(usize::try_from(*size_bytes).unwrap());
        let mut file = match number % 2 {
            0 => upload_bytes(server, tenant, bytes).await,
            _ => upload_in_parts(server, tenant, bytes).await,
        };
        refer(server, tenant, &mut file).await;
        let Uploaded {
            file_id: _,
            bytes,
            event_id,
        } = file;
        sent.push(Sent {
            event_id: event_id.unwrap(),
            size_bytes: *size_bytes,
            sha256: support::sha256_hex(bytes),
        });
    }
    sent
}

/// Returns the storage as it is behind a proxy.
fn behind(proxy: &Proxy, storage: &Storage) -> Storage {
    Storage {
        endpoint: format!("http://{}", proxy.address()),
        ..storage.clone()
    }
}

fn replace_storage(settings: &Settings, storage: &Storage) -> Settings {
    let mut settings = settings.clone();
    settings.retain(|(name, _)| *name == "EVENT_HISTORY_DATABASE");
    settings.extend(storage.settings());
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_are_copied_between_slow_storages_on_seaweedfs() {
    let number = support::number_from_environment;
    let count = number("EVENT_HISTORY_TEST_LIMITED_FILES", 6);
    let largest = MIB * number("EVENT_HISTORY_TEST_LIMITED_MIB", 7);
    let bytes_per_second = number("EVENT_HISTORY_TEST_LIMITED_RATE", 4_000_000);
    let sizes = sizes(count, largest);

    let seaweedfs = SeaweedFs::start().await;
    let from_bucket = seaweedfs.bucket_called("limited-source").await;
    let to_bucket = seaweedfs.bucket_called("limited-copy").await;
    let home = tempfile::tempdir().unwrap();
    let from = destination(&home, Some(&from_bucket));
    let server = serve(&from);
    let tenant = server.create_tenant("limited").await;
    let sent = fill(&server, &tenant, &sizes).await;
    assert!(server.process().term().success());

    let address = from_bucket.endpoint.trim_start_matches("http://").parse();
    let proxy = Proxy::start(address.unwrap());
    proxy.set(Mode::Limit(u32::try_from(bytes_per_second).unwrap()));
    let there = tempfile::tempdir().unwrap();
    let to = destination(&there, Some(&to_bucket));
    let mut command = copy(
        home.path(),
        &replace_storage(&from, &behind(&proxy, &from_bucket)),
        &replace_storage(&to, &behind(&proxy, &to_bucket)),
    );
    let begin = Instant::now();
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let agree = format!("1 tenants with {count} events agree");
    assert!(said.contains(&agree), "{said}");
    let copied = format!("{count} copied now");
    assert!(said.contains(&copied), "{said}");
    let took = begin.elapsed();
    let sum: u64 = sizes.iter().sum();
    println!("{count} files of {sum} bytes, the largest of {largest}, copied in {took:?}");
    // That it was limited at all.
    let fastest = Duration::from_secs(largest / bytes_per_second);
    assert!(took >= fastest, "{took:?}");

    let copy = serve(&to);
    for file in &sent {
        let target = format!("/api/history/events/{}/file", file.event_id);
        let answer = copy.get_json(&tenant, &target).await;
        let url = answer["download_url"].as_str().unwrap();
        let response = expect(copy.client().get(url), StatusCode::OK).await;
        let bytes = response.bytes().await.unwrap();
        assert_eq!(bytes.len() as u64, file.size_bytes);
        assert_eq!(support::sha256_hex(bytes), file.sha256);
    }
    let (code, lines) = run(files(there.path(), &to, &["verify"])).await;
    assert_eq!(code, 0, "{lines:?}");
}
