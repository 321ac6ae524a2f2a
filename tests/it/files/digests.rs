//! `event-history files verify` compares the bytes with every known digest, and reports files without one.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{PART_BYTES, Uploaded, embedded_settings, files, refer, run, upload_in_parts};
use crate::support::{self, Mode, Proxy, SeaweedFs, Server, Tenant};

const VERIFY: [&str; 1] = ["verify"];

async fn referenced(server: &Server, tenant: &Tenant, length: usize) -> Uploaded {
    let bytes = support::random_bytes(length);
    let mut file = upload_in_parts(server, tenant, bytes).await;
    refer(server, tenant, &mut file).await;
    assert!(file.event_id.is_some());
    file
}

/// Returns the folder with the files of the one upload in parts that is not in `known`.
fn folder_of_parts(server: &Server, known: &[PathBuf]) -> PathBuf {
    let parts = server.folder().join("data/files/parts");
    let entries = fs::read_dir(parts).unwrap();
    let mut new = entries.map(|entry| entry.unwrap().path());
    new.find(|path| !known.contains(path)).unwrap()
}

fn flip_a_bit(path: &Path, place: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file = file.unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, place).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], place).unwrap();
}

async fn verified(server: &Server) -> (i32, Vec<Value>) {
    run(files(server.folder(), &embedded_settings(server), &VERIFY)).await
}

fn assert_found(outcome: &(i32, Vec<Value>), problem: &str, file: &Uploaded) {
    let (code, lines) = outcome;
    assert_eq!((*code, lines.len()), (1, 2), "{lines:?}");
    assert_eq!(lines[0]["problem"], problem);
    assert_eq!(lines[0]["file_id"], *file.file_id);
    assert_eq!(lines[1]["sum"]["problems"], 1);
    assert_eq!(lines[1]["sum"]["unverified"], 0);
}

#[tokio::test]
async fn a_flipped_bit_in_a_part_without_a_declared_sha256_is_found() {
    let server = Server::start();
    let tenant = server.create_tenant("flipped").await;
    let file = referenced(&server, &tenant, PART_BYTES + 1000).await;
    let (code, lines) = verified(&server).await;
    assert_eq!(code, 0, "{lines:?}");
    assert_eq!(lines[0]["sum"]["bytes"], PART_BYTES + 1000);

    flip_a_bit(&folder_of_parts(&server, &[]).join("00001"), 12_345);
    // The embedded storage notices, too, and sends no end.
    assert_found(&verified(&server).await, "unreadable", &file);
}

#[tokio::test]
async fn another_tenants_part_in_its_place_is_found_and_not_served() {
    let server = Server::start();
    let [one, other] = [
        server.create_tenant("part-one").await,
        server.create_tenant("part-other").await,
    ];
    let file = referenced(&server, &one, PART_BYTES).await;
    let folder = folder_of_parts(&server, &[]);
    referenced(&server, &other, PART_BYTES).await;
    let others = folder_of_parts(&server, std::slice::from_ref(&folder));

    fs::copy(others.join("00001"), folder.join("00001")).unwrap();
    let (code, lines) = verified(&server).await;
    assert_eq!(code, 1, "{lines:?}");
    assert_eq!(lines[0]["problem"], "unreadable", "{lines:?}");
    assert_eq!(lines[0]["file_id"], *file.file_id);

    let target = format!("/api/history/events/{}/file", file.event_id.unwrap());
    let answer = server.get_json(&one, &target).await;
    let url = answer["download_url"].as_str().unwrap();
    // It is broken off before or behind its head.
    if let Ok(response) = server.client().get(url).send().await {
        let downloaded = response.bytes().await;
        assert!(downloaded.is_err(), "another tenant's bytes were served");
    }
}

#[tokio::test]
async fn a_part_of_the_same_key_in_its_place_is_found() {
    let server = Server::start();
    let tenant = server.create_tenant("part-same").await;
    let file = referenced(&server, &tenant, 2 * PART_BYTES).await;
    let folder = folder_of_parts(&server, &[]);
    fs::copy(folder.join("00002"), folder.join("00001")).unwrap();
    assert_found(&verified(&server).await, "changed", &file);
}

#[tokio::test]
async fn a_flipped_bit_in_parts_on_seaweedfs_is_found() {
    let seaweedfs = SeaweedFs::start().await;
    let address = seaweedfs.storage().endpoint.trim_start_matches("http://");
    let proxy = Proxy::start(address.parse().unwrap());
    let mut storage = seaweedfs.storage().clone();
    storage.endpoint = format!("http://{}", proxy.address());
    let server = Server::builder().files_in(&storage).start();
    let tenant = server.create_tenant("flipped").await;
    let file = referenced(&server, &tenant, PART_BYTES + 1000).await;

    let mut settings = Vec::from(storage.settings());
    settings.push(embedded_settings(&server)[0].clone());
    let (code, lines) = run(files(server.folder(), &settings, &VERIFY)).await;
    assert_eq!(code, 0, "{lines:?}");
    assert_eq!(lines[0]["sum"]["bytes"], PART_BYTES + 1000);
    proxy.set(Mode::Flip);
    let outcome = run(files(server.folder(), &settings, &VERIFY)).await;
    assert_found(&outcome, "changed", &file);
}

/// Our own endpoint, where it is another service's storage, says which parts a file came in.
#[tokio::test]
async fn a_file_in_parts_is_verified_at_another_endpoint_of_ours() {
    let storage = Server::start();
    let server = Server::builder()
        .files_in(&storage.embedded_storage())
        .start();
    let tenant = server.create_tenant("told").await;
    referenced(&server, &tenant, PART_BYTES + 1000).await;

    let mut settings = Vec::from(storage.embedded_storage().settings());
    settings.push(embedded_settings(&server)[0].clone());
    let (code, lines) = run(files(server.folder(), &settings, &VERIFY)).await;
    assert_eq!((code, lines.len()), (0, 1), "{lines:?}");
    let sum = &lines[0]["sum"];
    assert_eq!(sum["files"], 1);
    assert_eq!(sum["bytes"], PART_BYTES + 1000);
    assert_eq!(sum["problems"], 0);
    assert_eq!(sum["unverified"], 0);
}
