//! What an operator lets callers upload holds for every way of asking.

use http::StatusCode;
use serde_json::json;

use super::{Case, text};
use crate::support::{Server, expect, expect_json};

const PART: usize = 5 * 1024 * 1024;

#[tokio::test]
async fn a_complete_that_names_its_parts_keeps_to_the_largest_size() {
    let server = Server::builder()
        .env("EVENT_HISTORY_MAX_FILE_SIZE", "6MiB")
        .start();
    let storage = server.embedded_storage();
    let tenant = server.create_tenant("demo").await;
    let case = Case {
        server,
        storage,
        tenant,
    };
    let body = json!({"content_length": PART + 1, "part_size": PART});
    let begin = case.post("/api/files/multipart", &body);
    let upload = expect_json(begin, StatusCode::CREATED).await;
    let file_id = text(&upload["file_id"]);
    let mut tags = Vec::new();
    for index in 0..2 {
        // The second one has more bytes than were said.
        let url = text(&upload["parts"][index]["upload_url"]);
        let put = case.server.client().put(url).body(vec![b'x'; PART]);
        let etag = expect(put, StatusCode::OK).await.headers()["etag"].clone();
        let etag = etag.to_str().expect("text");
        tags.push(json!({"part_number": index + 1, "etag": etag}));
    }
    let target = format!("/api/files/multipart/{file_id}/complete");
    let upload_id = &upload["upload_id"];
    let both = json!({"upload_id": upload_id, "parts": tags});
    let refused = expect_json(case.post(&target, &both), StatusCode::BAD_REQUEST).await;
    let expected = format!("'{file_id}' file is larger than 6291456 bytes.");
    assert_eq!(refused["detail"], expected.as_str());
    assert!(!case.is_stored(&file_id).await);

    let first = json!({"upload_id": upload_id, "parts": [tags[0]]});
    let record = expect_json(case.post(&target, &first), StatusCode::OK).await;
    assert_eq!(record["size_bytes"], PART);
}
