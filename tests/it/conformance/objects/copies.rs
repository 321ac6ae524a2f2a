//! Objects that go from one storage to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use event_history::domain::{ContentType, FileName, UploadConstraints};
use event_history::objects::Objects;
use event_history::objects::transfer::{StorageClient, TransferConfig, copy};
use http::StatusCode;

use super::{LIFE, content, download, fresh_key, headers, sha256};

const MIB: usize = 1024 * 1024;

/// At once and in parts, what is known of a file goes with its bytes. `from` has to take a file at
/// once, `to` either.
pub(crate) async fn what_is_known_goes_along(
    from: &Arc<dyn Objects>,
    to: &Arc<dyn Objects>,
    http: &reqwest::Client,
) {
    let link =
        |objects: &Arc<dyn Objects>| StorageClient::new(Arc::clone(objects), true).expect("a link");
    let (source, destination) = (link(from), link(to));
    let whole = content(11 * MIB + 7);
    let terms = UploadConstraints {
        content_type: ContentType::parse("application/pdf; a=b").ok(),
        size_bytes: Some(whole.len() as u64),
        sha256: Some(sha256(&whole)),
        file_name: FileName::parse("Übersicht & 1.pdf").ok(),
        once: false,
    };
    for (multipart_threshold_bytes, parts) in [(whole.len(), None), (whole.len() - 1, Some("-3"))] {
        let key = fresh_key();
        let presigned = from.presign_put(&key, &terms, LIFE).await.expect("presign");
        let request = http
            .put(&presigned.url)
            .headers(headers(&presigned, whole.len()));
        let response = request.body(whole.clone()).send().await;
        assert_eq!(response.expect("an answer").status(), StatusCode::OK);
        let info = from.head(&key, None).await.expect("head");
        let info = info.expect("the object is there");

        let moved = Arc::new(AtomicU64::new(0));
        let sizes = TransferConfig {
            multipart_threshold_bytes: multipart_threshold_bytes as u64,
            part_bytes: 5 * MIB as u64,
        };
        let sent = copy(&source, &destination, &key, None, sizes, &moved).await;
        assert_eq!(sent.expect("copy"), *sha256(&whole).bytes());
        assert_eq!(moved.load(Ordering::Relaxed), whole.len() as u64);

        assert_eq!(download(to, http, &key).await, whole);
        let there = to.head(&key, None).await.expect("head");
        let there = there.expect("the object is there");
        let etag = there.etag.as_deref().expect("an entity tag");
        match parts {
            Some(parts) => assert!(etag.ends_with(parts), "{etag}"),
            None => assert_eq!(Some(etag), info.etag.as_deref()),
        }
        assert_eq!(there.content_type, terms.content_type);
        assert_eq!(there.declared_sha256, terms.sha256);
        assert_eq!(there.file_name, terms.file_name);
    }
}
