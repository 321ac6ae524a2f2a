//! The folder: whose it is, and what is left in it.

use std::error::Error as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use event_history::domain::finding::State;
use event_history::store::sqlite::{Sqlite, check_folder};
use event_history::store::{Created, Store};

use super::{Place, assert_wrong, count, open_files, tree};
use crate::samples::{history, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_belongs_to_one_process() {
    let place = Place::new();
    let store = place.open().await;
    let refused = Sqlite::open(&place.folder()).await.unwrap_err();
    let cause = refused.source().unwrap().to_string();
    assert!(cause.contains("in use by another process"), "{cause}");
    assert!(cause.contains(place.folder().to_str().unwrap()), "{cause}");
    store.close().await.unwrap();
    place.open().await.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_accessible_to_their_owner_only() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    store.append(&tenant, history(1, 1)).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in [place.folder(), place.folder().join("tenants")] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            assert!(path.is_dir() || mode(&path) == 0o600, "{}", path.display());
        }
    }
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_tenant_leaves_nothing() {
    let place = Place::new();
    let (store, [tenant]) = place.open_with(["demo"]).await;
    store.append(&tenant, history(1, 3)).await.unwrap();
    assert_eq!(count(&store, &tenant).await, 3);
    store.delete_tenant(&tenant).await.unwrap();
    assert_eq!(
        fs::read_dir(place.folder().join("tenants"))
            .unwrap()
            .count(),
        0
    );
    assert!(open_files(&place.folder()) <= 5);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn checking_a_folder_leaves_nothing_behind() {
    let place = Place::new();
    let folder = place.folder();
    assert!(is_well(&folder));
    assert!(!folder.exists());
    let store = place.open().await;
    let before = tree(&folder);
    assert!(is_well(&folder));
    assert!(store.check().await.iter().all(|it| it.state == State::Good));
    assert_eq!(tree(&folder), before);
    store.close().await.unwrap();

    let file = place.0.path().join("file");
    fs::write(&file, "").unwrap();
    assert_wrong(&check_folder(&file)[0], "is a file, not a folder");
    assert_wrong(&check_folder(&file.join("below"))[0], "is not writable");
    // Nobody makes files in there, root included.
    assert_wrong(&check_folder(Path::new("/proc/self"))[0], "is not writable");
    assert_wrong(
        &check_folder(Path::new("/proc/self/below"))[0],
        "is not writable",
    );
    fs::write(place.registry(), "something else").unwrap();
    assert_wrong(&check_folder(&folder)[0], "is not an SQLite database");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_notices_that_the_folder_is_gone() {
    let place = Place::new();
    let store = place.open().await;
    store.ping().await.unwrap();
    fs::rename(place.folder(), place.0.path().join("elsewhere")).unwrap();
    assert!(store.ping().await.is_err());
    assert_wrong(&store.check().await[0], "is not writable");
    fs::rename(place.0.path().join("elsewhere"), place.folder()).unwrap();
    store.ping().await.unwrap();

    let aside = place.folder().join("aside");
    fs::rename(place.registry(), &aside).unwrap();
    assert!(store.ping().await.is_err());
    assert!(
        store.create_tenant(tenant("lost")).await.is_err(),
        "nobody could read it back"
    );
    fs::rename(&aside, place.registry()).unwrap();
    assert_eq!(
        store.create_tenant(tenant("kept")).await.unwrap(),
        Created::New
    );
    store.close().await.unwrap();
}

fn is_well(folder: &Path) -> bool {
    let findings = check_folder(folder);
    findings.iter().all(|it| it.state == State::Good)
}
