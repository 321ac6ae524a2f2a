//! A bucket that keeps versions, and keeps them from being removed.

use http::StatusCode;
use rusty_s3::S3Action;

use super::{Case, MINUTE, text};
use crate::support::{SeaweedFs, Server, event, event_with_file, expect};

#[tokio::test]
async fn the_recorded_version_is_served_and_cannot_be_removed() {
    let seaweedfs = SeaweedFs::start().await;
    let storage = seaweedfs.locked_bucket().await;
    let server = Server::builder()
        .files_in(&storage)
        .env("EVENT_HISTORY_OBJECT_LOCK", "compliance:1h")
        .start();
    let tenant = server.create_tenant("demo").await;
    let case = Case {
        server,
        storage,
        tenant,
    };
    let file_id = case.upload("file_name=x", "genuine").await;
    let event = case.referenced(&file_id).await;
    let version_id = text(&event["file"]["version_id"]);
    case.overwrite(&file_id, "forged!").await;
    let answer = case.downloaded(&event, "").await;
    assert_eq!(answer.text().await.expect("text"), "genuine");

    let key = format!("{}/{file_id}", case.tenant.database_name);
    let (bucket, credentials) = (case.storage.bucket(), case.storage.credentials());
    let mut delete = bucket.delete_object(Some(&credentials), &key);
    delete.query_mut().insert("versionId", version_id.as_str());
    let delete = case.server.client().delete(delete.sign(MINUTE));
    expect(delete, StatusCode::FORBIDDEN).await;
    case.downloaded(&event, "").await;

    // A later event records what is there by then.
    let later = case.referenced(&file_id).await;
    assert_ne!(later["file"]["version_id"], version_id.as_str());
    let answer = case.downloaded(&later, "").await;
    assert_eq!(answer.text().await.expect("text"), "forged!");
}

impl Case {
    /// Tries to remove a version of a file for good, and returns the status.
    async fn remove_version(&self, file_id: &str) -> StatusCode {
        let key = format!("{}/{file_id}", self.tenant.database_name);
        let (bucket, credentials) = (self.storage.bucket(), self.storage.credentials());
        let head = bucket.head_object(Some(&credentials), &key).sign(MINUTE);
        let head = expect(self.server.client().head(head), StatusCode::OK).await;
        let version_id = head.headers()["x-amz-version-id"].to_str().expect("text");
        let mut delete = bucket.delete_object(Some(&credentials), &key);
        delete
            .query_mut()
            .insert("versionId", version_id.to_owned());
        let delete = self.server.client().delete(delete.sign(MINUTE));
        delete.send().await.expect("storage answers").status()
    }
}

async fn locked(seaweedfs: &SeaweedFs, lock: &str) -> Case {
    let storage = seaweedfs.locked_bucket().await;
    let server = Server::builder()
        .files_in(&storage)
        .env("EVENT_HISTORY_OBJECT_LOCK", lock)
        .start();
    let tenant = server.create_tenant("demo").await;
    Case {
        server,
        storage,
        tenant,
    }
}

#[tokio::test]
async fn a_refused_event_protects_no_file() {
    let seaweedfs = SeaweedFs::start().await;
    let case = locked(&seaweedfs, "compliance:1h").await;
    let file_id = case.upload("file_name=x", "not referenced").await;
    let stored = event();
    case.server.deliver(&case.tenant, &stored).await;
    let mut refused = event_with_file(&file_id);
    refused["event_id"] = stored["event_id"].clone();
    let delivery = case.server.delivery(&case.tenant, &refused);
    expect(delivery, StatusCode::BAD_REQUEST).await;
    assert_eq!(case.remove_version(&file_id).await, StatusCode::NO_CONTENT);

    let file_id = case.upload("file_name=x", "referenced").await;
    case.referenced(&file_id).await;
    assert_eq!(case.remove_version(&file_id).await, StatusCode::FORBIDDEN);
}

/// The setting may be lowered: what is kept for longer already stays so, and is no error.
#[tokio::test]
async fn events_of_files_that_are_kept_for_longer_are_stored() {
    let seaweedfs = SeaweedFs::start().await;
    let case = locked(&seaweedfs, "compliance:48h").await;
    let file_id = case.upload("file_name=x", "kept").await;
    let first = event_with_file(&file_id);
    case.server.deliver(&case.tenant, &first).await;
    let Case {
        server,
        storage,
        tenant,
    } = case;
    assert!(server.process().term().success());
    let database = server.database().setting();
    for lock in ["compliance:1h", "governance:1h"] {
        let shorter = Server::builder()
            .files_in(&storage)
            .env("EVENT_HISTORY_DATABASE", database.clone())
            .env("EVENT_HISTORY_OBJECT_LOCK", lock)
            .start();
        shorter.deliver(&tenant, &first).await;
        shorter.deliver(&tenant, &event_with_file(&file_id)).await;
        assert!(shorter.process().term().success());
    }
}
