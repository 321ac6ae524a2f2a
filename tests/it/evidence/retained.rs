//! A bucket that keeps versions, and keeps them from being removed.

use http::StatusCode;
use rusty_s3::S3Action;

use super::{Case, MINUTE, text};
use crate::support::{SeaweedFs, Server, expect};

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
