//! Deleted tenants: their files stay, unless their removal is requested.

use http::StatusCode;

use super::{delete_tenant, embedded_settings, files, is_stored, refer, run, upload};
use crate::support::Server;

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
