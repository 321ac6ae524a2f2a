//! Deleted tenants: their files stay, unless their removal is requested.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use super::{delete_tenant, embedded_settings, files, is_stored, refer, run, upload};
use crate::support::{Server, expect_json, wait_for};

#[tokio::test]
async fn files_of_a_deleted_tenant_stay_unless_requested() {
    let server = Server::start();
    let storage = server.embedded_storage();
    let [kept, gone, other] = [
        server.create_tenant("kept").await,
        server.create_tenant("gone").await,
        server.create_tenant("other").await,
    ];
    let mut uploaded = Vec::new();
    for tenant in [&kept, &gone, &other] {
        let mut file = upload(&server, tenant).await;
        refer(&server, tenant, &mut file).await;
        uploaded.push(file.file_id);
    }
    for query in ["?files=none", "?files=delete&files=keep", "?all=true"] {
        let refused = delete_tenant(&server, &gone, query).await;
        assert_eq!(refused, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
    for (tenant, query) in [(&kept, "?files=keep"), (&gone, "?files=delete")] {
        assert_eq!(delete_tenant(&server, tenant, query).await, StatusCode::OK);
    }
    assert!(is_stored(&storage, &kept, &uploaded[0]).await);
    assert!(!is_stored(&storage, &gone, &uploaded[1]).await);
    assert!(is_stored(&storage, &other, &uploaded[2]).await);

    // A sweep reports what the deleted tenant left behind, and removes it only on request.
    let settings = embedded_settings(&server);
    let sweep = ["sweep", "--older-than", "0s", "--delete"];
    let (code, lines) = run(files(server.folder(), &settings, &sweep)).await;
    assert_eq!(code, 0, "{lines:?}");
    assert_eq!(lines[0]["fate"], "of_no_tenant");
    assert_eq!(lines[0]["file_id"], *uploaded[0]);
    assert!(is_stored(&storage, &kept, &uploaded[0]).await);
    let all = [sweep.as_slice(), &["--of-no-tenant"]].concat();
    let (code, lines) = run(files(server.folder(), &settings, &all)).await;
    assert_eq!(code, 0, "{lines:?}");
    assert_eq!(lines[0]["fate"], "removed");
    assert!(!is_stored(&storage, &kept, &uploaded[0]).await);
    assert!(is_stored(&storage, &other, &uploaded[2]).await);
}

/// The delay, and some seconds for the service to notice.
const ERASED_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn files_of_a_deleted_tenant_stay_for_as_long_as_it_can_be_restored() {
    let mut server = Server::builder()
        .env("EVENT_HISTORY_DELETION_DELAY", "1h")
        .start();
    let storage = server.embedded_storage();
    let settings = embedded_settings(&server);
    let gone = server.create_tenant("gone").await;
    let other = server.create_tenant("other").await;
    let mut file = upload(&server, &gone).await;
    refer(&server, &gone, &mut file).await;
    refer(&server, &other, &mut upload(&server, &other).await).await;
    let deleted = delete_tenant(&server, &gone, "?files=delete").await;
    assert_eq!(deleted, StatusCode::OK);
    let sweep = ["sweep", "--older-than", "0s", "--delete", "--of-no-tenant"];
    let (code, lines) = run(files(server.folder(), &settings, &sweep)).await;
    assert_eq!(code, 0, "{lines:?}");
    assert!(lines.iter().all(|it| it["file_id"] != *file.file_id));
    assert!(is_stored(&storage, &gone, &file.file_id).await);

    // Restored after a crash, it has its file. Then it is deleted again, with a delay that passes.
    server.kill();
    server.set_env("EVENT_HISTORY_DELETION_DELAY", "2s");
    server.start_again();
    let target = format!("/api/tenants/{}/restore", gone.client_id);
    let restored = server.request(Method::POST, &target);
    expect_json(restored, StatusCode::OK).await;
    let target = format!(
        "/api/history/events/{}/file",
        file.event_id.as_deref().unwrap()
    );
    server.get_json(&gone, &target).await;
    let deleted = delete_tenant(&server, &gone, "?files=delete").await;
    assert_eq!(deleted, StatusCode::OK);
    server.kill();
    server.start_again();
    wait_for("the name to be free", ERASED_WITHIN, async || {
        let body = json!({"database_name": "gone", "client_label": "successor"});
        let created = server.request(Method::POST, "/api/initialize-tenant");
        let created = created.json(&body).send().await.unwrap();
        (created.status() == StatusCode::CREATED).then_some(())
    })
    .await;
    assert!(!is_stored(&storage, &gone, &file.file_id).await);
}
