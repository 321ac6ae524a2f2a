//! A disk whose syncs fail: a file that came down is there for good, or is not there.

use super::{Desk, refused};
use crate::support::{self, FaultySync};

#[tokio::test]
async fn a_download_that_cannot_be_synced_is_none() {
    let desk = Desk::new().await;
    let bytes = support::random_bytes(100_000);
    let file = desk.write("up.bin", &bytes);
    let event_id = desk.upload_one(&file, &[]);
    let faults = FaultySync::new();
    let target = desk.path("down.bin");
    let download = || {
        let arguments = ["download", &event_id, "-o", target.to_str().unwrap()];
        let mut command = desk.command(&arguments);
        faults.befalls_command(&mut command);
        command
    };
    let folder = desk.folder.path().file_name().unwrap();
    let folder = folder.to_str().unwrap();
    for fail in [FaultySync::fail, FaultySync::fail_at_end] {
        // All syncs there, and the folder's alone.
        fail(&faults, folder);
        let said = refused(download());
        assert!(said.contains("down.bin"), "{said}");
        let names = std::fs::read_dir(desk.folder.path()).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert!(!names.iter().any(|name| name == "down.bin"), "{names:?}");
    }
    faults.heal();
    support::run(&mut download());
    assert!(std::fs::read(&target).unwrap() == bytes);
}
