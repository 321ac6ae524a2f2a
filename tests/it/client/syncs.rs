//! A disk whose syncs fail: a downloaded file is durable, or does not exist.

use super::{Fixture, refused};
use crate::support::{self, FaultySync};

#[tokio::test]
async fn a_download_that_cannot_be_synced_fails() {
    let fixture = Fixture::new().await;
    let bytes = support::random_bytes(100_000);
    let file = fixture.write("up.bin", &bytes);
    let event_id = fixture.upload_one(&file, &[]);
    let faults = FaultySync::new();
    let target = fixture.path("down.bin");
    let download = || {
        let arguments = ["download", &event_id, "-o", target.to_str().unwrap()];
        let mut command = fixture.command(&arguments);
        faults.befalls_command(&mut command);
        command
    };
    let folder = fixture.folder.path().file_name().unwrap();
    let folder = folder.to_str().unwrap();
    for fail in [FaultySync::fail, FaultySync::fail_at_end] {
        // All syncs there, and the folder's alone.
        fail(&faults, folder);
        let said = refused(download());
        assert!(said.contains("down.bin"), "{said}");
        let names = std::fs::read_dir(fixture.folder.path()).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert!(!names.iter().any(|name| name == "down.bin"), "{names:?}");
    }
    faults.recover();
    support::run(&mut download());
    assert!(std::fs::read(&target).unwrap() == bytes);
}
