//! Damage to any file of a target is named.

use std::fs;

use super::{assert_not_served, back_up, files_below, restore, send, send_file, verify};
use crate::support::Server;

#[tokio::test]
async fn damage_to_any_file_of_a_backup_is_named() {
    let server = Server::start();
    let tenant = server.create_tenant("demo").await;
    send(&server, &tenant, 20).await;
    send_file(&server, &tenant, 1000).await;
    let target = server.folder().join("target");
    let name = target.to_str().unwrap().to_owned();
    back_up(&server, &name).await.ok();
    send(&server, &tenant, 1).await;
    back_up(&server, &name).await.ok();
    let said = verify(&server, &name).await.ok();
    assert!(said.contains("damaged or missing: 0"), "{said}");
    let files: Vec<_> = files_below(&target).into_keys().collect();
    assert!(files.len() > 10, "{files:?}");
    for file in &files {
        let good = fs::read(file).unwrap();
        let relative = file.strip_prefix(&target).unwrap().to_str().unwrap();
        let mut flipped = good.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x10;
        let cut = &good[..good.len() - 1];
        for (how, bad) in [
            ("flipped", Some(&flipped[..])),
            ("cut", Some(cut)),
            ("removed", None),
        ] {
            match bad {
                Some(bad) => fs::write(file, bad).unwrap(),
                None => fs::remove_file(file).unwrap(),
            }
            let said = verify(&server, &name).await;
            // Without its manifest a backup is one that was interrupted.
            if relative.ends_with("manifest.json") && bad.is_none() {
                let backup = relative.split('/').nth(1).unwrap();
                let line = format!("unfinished: backup {backup}");
                assert!(said.out.contains(&line), "{relative} {how}: {said:?}");
            } else {
                assert_eq!(said.status, 1, "{relative} {how}: {said:?}");
                let is_named =
                    |line: &str| line.starts_with("damaged: ") && line.contains(relative);
                assert!(said.out.lines().any(is_named), "{relative} {how}: {said:?}");
            }
        }
        fs::write(file, good).unwrap();
    }
    verify(&server, &name).await.ok();
}

#[tokio::test]
async fn a_damaged_backup_is_not_restored_and_full_backups_repair_the_target() {
    let server = Server::start();
    let tenant = server.create_tenant("demo").await;
    send(&server, &tenant, 20).await;
    let target = server.folder().join("target");
    let name = target.to_str().unwrap().to_owned();
    back_up(&server, &name).await.ok();
    let chunks = files_below(&target.join("chunks"));
    let (largest, _) = chunks.iter().max_by_key(|(_, bytes)| **bytes).unwrap();
    let mut bytes = fs::read(largest).unwrap();
    bytes[100] ^= 1;
    fs::write(largest, bytes).unwrap();

    let restored = server.folder().join("restored");
    let chunk = largest.file_name().unwrap().to_str().unwrap();
    restore(&server, &name, &restored)
        .await
        .refuses(&[chunk, "damaged", "tenant 'demo'"]);
    assert_not_served(&restored);

    let full = super::command(&server, &["backup", &name, "--full"]);
    super::run(full).await.ok();
    verify(&server, &name).await.ok();
}
