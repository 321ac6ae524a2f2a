//! A storage that is not there: no sender is told for good that its file does not exist, and all is well once it is back.

use http::header::RETRY_AFTER;
use http::{Method, StatusCode};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{PART_BYTES, Uploaded, assert_kept};
use crate::support::{
    self, SeaweedFs, Server, Tenant, Upload, event_with_file, expect, expect_json,
};

/// A tenant with a file that an event references, one that none does yet, and an upload in parts under way.
struct Stage {
    server: Server,
    tenant: Tenant,
    uploads: [Upload; 2],
    bytes: Vec<u8>,
    referenced: Uploaded,
    begun: Value,
    /// Of the second file.
    detail: Value,
}

impl Stage {
    async fn new(server: Server) -> Self {
        let tenant = server.create_tenant("missing").await;
        let bytes = support::random_bytes(5_000);
        let uploads = [
            server.upload_url(&tenant).await,
            server.upload_url(&tenant).await,
        ];
        for upload in &uploads {
            let put = server.client().put(&upload.url).body(bytes.clone());
            expect(put, StatusCode::OK).await;
        }
        let detail = event_with_file(&uploads[0].file_id);
        server.deliver(&tenant, &detail).await;
        let referenced = Uploaded {
            file_id: uploads[0].file_id.clone(),
            bytes: bytes.clone(),
            event_id: detail["event_id"].as_str().map(str::to_owned),
        };
        let body = json!({"content_length": PART_BYTES + 1, "part_size": PART_BYTES});
        let request = server.request_as(&tenant, Method::POST, "/api/files/multipart");
        let begun = expect_json(request.json(&body), StatusCode::CREATED).await;
        let detail = event_with_file(&uploads[1].file_id);
        Self {
            server,
            tenant,
            uploads,
            bytes,
            referenced,
            begun,
            detail,
        }
    }

    /// Returns requests that need the storage.
    fn requests(&self) -> [(&'static str, RequestBuilder); 4] {
        let Self { server, tenant, .. } = self;
        let request = |method: Method, target: &str| server.request_as(tenant, method, target);
        let event_id = self.referenced.event_id.as_deref().unwrap();
        let file = format!("/api/history/events/{event_id}/file");
        let file_id = self.begun["file_id"].as_str().unwrap();
        let complete = format!("/api/files/multipart/{file_id}/complete");
        let begin = json!({"content_length": PART_BYTES + 1, "part_size": PART_BYTES});
        let upload = json!({"upload_id": self.begun["upload_id"]});
        [
            ("event", server.delivery(tenant, &self.detail)),
            ("download", request(Method::GET, &file)),
            (
                "begin",
                request(Method::POST, "/api/files/multipart").json(&begin),
            ),
            ("complete", request(Method::POST, &complete).json(&upload)),
        ]
    }

    /// The first so many of these requests are told to come again, however often they do.
    async fn is_unavailable(&self, count: usize) {
        for _ in 0..2 {
            for (what, request) in self.requests().into_iter().take(count) {
                let answer = request.send().await.unwrap();
                let status = answer.status();
                let is_told_to_retry = answer.headers().contains_key(RETRY_AFTER);
                let said = answer.text().await.unwrap();
                let expected = (StatusCode::SERVICE_UNAVAILABLE, true);
                assert_eq!((status, is_told_to_retry), expected, "{what}: {said}");
            }
        }
        let ready = self.server.request(Method::GET, "/health/ready");
        expect(ready, StatusCode::SERVICE_UNAVAILABLE).await;
        // Others need no storage.
        let plain = support::event();
        self.server.deliver(&self.tenant, &plain).await;
    }

    async fn is_well(&self) {
        let Self { server, tenant, .. } = self;
        assert_kept(server, tenant, &self.referenced).await;
        server.deliver(tenant, &self.detail).await;
        let event_id = self.detail["event_id"].as_str().map(str::to_owned);
        let referenced = Uploaded {
            file_id: self.uploads[1].file_id.clone(),
            bytes: self.bytes.clone(),
            event_id,
        };
        assert_kept(server, tenant, &referenced).await;
        let ready = server.request(Method::GET, "/health/ready");
        expect(ready, StatusCode::OK).await;
    }
}

#[tokio::test]
async fn a_storage_folder_that_was_moved_away_answers_503_until_it_is_back() {
    let stage = Stage::new(Server::start()).await;
    let folder = stage.server.folder().join("data/files");
    let aside = stage.server.folder().join("aside");
    std::fs::rename(&folder, &aside).unwrap();
    stage.is_unavailable(4).await;
    // A file system that is not mounted leaves an empty folder.
    std::fs::create_dir(&folder).unwrap();
    stage.is_unavailable(4).await;
    std::fs::remove_dir(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    stage.is_well().await;
}

#[tokio::test]
async fn a_missing_bucket_on_seaweedfs_answers_503_until_it_is_there() {
    let seaweedfs = SeaweedFs::start().await;
    let storage = seaweedfs.bucket_called("comes-and-goes").await;
    let stage = Stage::new(Server::builder().files_in(&storage).start()).await;
    seaweedfs.remove_bucket("comes-and-goes").await;
    // It begins uploads in parts in a bucket that does not exist.
    stage.is_unavailable(2).await;
    seaweedfs.bucket_called("comes-and-goes").await;
    for upload in &stage.uploads {
        let put = stage.server.client().put(&upload.url);
        let put = put.body(stage.bytes.clone());
        expect(put, StatusCode::OK).await;
    }
    stage.is_well().await;
}
