//! A storage that tells another checksum than that of what it took: nothing is believed, nothing is
//! stored half.

use std::time::{Duration, Instant};

use http::StatusCode;

use super::{Case, base64_of_sha256};
use crate::support::{Mode, Proxy, SeaweedFs, Server, event_with_file, expect, expect_json};

/// What EventBridge gives an endpoint.
const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_storage_that_lies_is_a_conflict() {
    let seaweedfs = SeaweedFs::start().await;
    let address = seaweedfs.storage().endpoint.trim_start_matches("http://");
    let proxy = Proxy::start(address.parse().expect("an address"));
    let mut storage = seaweedfs.storage().clone();
    storage.endpoint = format!("http://{}", proxy.address());
    let server = Server::builder().files_in(&storage).start();
    let tenant = server.create_tenant("demo").await;
    let case = Case {
        server,
        storage,
        tenant,
    };
    let query = format!("checksum_sha256={}", base64_of_sha256("genuine"));
    let file_id = case.upload(&query, "genuine").await;
    let told = case.referenced(&file_id).await;

    proxy.set(Mode::Lie);
    let begin = Instant::now();
    let detail = event_with_file(&file_id);
    let delivery = case.server.delivery(&case.tenant, &detail);
    let refused = expect_json(delivery, StatusCode::BAD_REQUEST).await;
    let declared = told["file"]["sha256"].as_str().expect("a digest");
    let reason = refused["detail"].as_str().expect("a sentence");
    let end = format!("and its uploader declared {declared}.");
    assert!(reason.ends_with(&end), "{reason}");
    assert!(reason.contains("' file has the SHA-256 "), "{reason}");
    assert!(case.read(&detail).await.is_null(), "it was stored half");
    expect(case.download(&told, ""), StatusCode::CONFLICT).await;
    assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());

    proxy.set(Mode::Pass);
    case.server.deliver(&case.tenant, &detail).await;
    assert_eq!(case.read(&detail).await["file"], told["file"]);
    case.downloaded(&told, "").await;
}
