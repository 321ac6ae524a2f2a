//! How long objects stay, and which version of one it is.

use std::sync::Arc;

use event_history::domain::{Clock, ObjectKey, Retention, RetentionMode, SystemClock};
use event_history::objects::{DownloadOptions, Error, Objects};
use http::StatusCode;
use jiff::SignedDuration;

use super::{LIFE, content, download, fresh_key, upload};

/// The form of a version's id at one storage or another.
const UNKNOWN: &str = "00000000000000000000000000000000";

/// Runs what every storage has to do, with versions or without.
pub(crate) async fn all(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    removed_objects_are_gone(objects, http).await;
    an_unknown_version_is_none(objects, http).await;
}

/// More than one request to S3 takes.
pub(crate) async fn removed_objects_are_gone(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let mut keys: Vec<_> = (0..1001).map(|_| fresh_key()).collect();
    let (first, last, other) = (keys[0].clone(), keys[1000].clone(), fresh_key());
    for key in [&first, &last, &other] {
        upload(objects, http, key, content(10)).await;
    }
    assert_eq!(objects.delete(&keys).await.expect("delete"), []);
    for key in [&first, &last] {
        assert_eq!(objects.head(key, None).await.expect("head"), None);
    }
    assert_eq!(download(objects, http, &other).await, content(10));
    keys.truncate(0);
    assert_eq!(objects.delete(&keys).await.expect("delete"), []);
    // It can be there again.
    upload(objects, http, &first, content(11)).await;
    assert_eq!(download(objects, http, &first).await, content(11));
}

pub(crate) async fn an_unknown_version_is_none(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let key = fresh_key();
    upload(objects, http, &key, content(10)).await;
    for version_id in [UNKNOWN, "a b&c=d"] {
        let info = objects.head(&key, Some(version_id)).await.expect("head");
        assert_eq!(info, None, "{version_id}");
    }
}

/// For a bucket without Object Lock.
pub(crate) async fn nothing_is_retained(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let key = fresh_key();
    upload(objects, http, &key, content(10)).await;
    let answer = objects.retain(&key, None, for_days(1)).await;
    assert!(matches!(answer, Err(Error::Refused(_))), "{answer:?}");
}

/// For a bucket that keeps versions.
pub(crate) async fn an_old_version_stays(objects: &Arc<dyn Objects>, http: &reqwest::Client) {
    let key = fresh_key();
    let (old, new) = (content(10), content(11));
    upload(objects, http, &key, old.clone()).await;
    let first = version(objects, &key).await;
    upload(objects, http, &key, new.clone()).await;
    let second = version(objects, &key).await;
    assert_ne!(first, second);

    assert_eq!(download(objects, http, &key).await, new);
    for (version_id, content) in [(&first, &old), (&second, &new)] {
        let info = objects.head(&key, Some(version_id)).await.expect("head");
        let info = info.expect("the version is there");
        assert_eq!(info.size_bytes, content.len() as u64);
        assert_eq!(info.version_id.as_ref(), Some(version_id));
        let response = http.get(url(objects, &key, version_id).await).send();
        let response = response.await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.bytes().await.expect("the body"), content);
    }
    let unknown = http.get(url(objects, &key, UNKNOWN).await).send().await;
    let status = unknown.expect("an answer").status();
    assert!(status.is_client_error(), "{status}");

    let keys = [key.clone()];
    assert_eq!(objects.delete(&keys).await.expect("delete"), []);
    assert_eq!(objects.head(&key, None).await.expect("head"), None);
    let info = objects.head(&key, Some(&first)).await.expect("head");
    assert_eq!(info.expect("the version is there").size_bytes, 10);
}

/// For a bucket with Object Lock. Returns a version that is kept for a day.
pub(crate) async fn a_retention_only_grows(
    objects: &Arc<dyn Objects>,
    http: &reqwest::Client,
) -> (ObjectKey, String) {
    let key = fresh_key();
    upload(objects, http, &key, content(10)).await;
    let version_id = version(objects, &key).await;
    let retain = async |version_id, retention| objects.retain(&key, version_id, retention).await;
    let refused = |answer| assert!(matches!(answer, Err(Error::Refused(_))), "{answer:?}");

    refused(retain(Some(UNKNOWN), for_days(1)).await);
    refused(objects.retain(&fresh_key(), None, for_days(1)).await);
    retain(Some(&version_id), for_days(1))
        .await
        .expect("retain");
    retain(Some(&version_id), for_days(2))
        .await
        .expect("retain");
    // Kept for longer already.
    retain(Some(&version_id), for_days(1))
        .await
        .expect("retain");
    let shorter_and_weaker = Retention {
        mode: RetentionMode::Governance,
        ..for_days(1)
    };
    retain(Some(&version_id), shorter_and_weaker)
        .await
        .expect("retain");
    let weaker = Retention {
        mode: RetentionMode::Governance,
        ..for_days(3)
    };
    refused(retain(Some(&version_id), weaker).await);
    (key, version_id)
}

fn for_days(days: i64) -> Retention {
    let life = SignedDuration::from_hours(24 * days);
    Retention {
        mode: RetentionMode::Compliance,
        until: SystemClock.now().checked_add(life).expect("an instant"),
    }
}

async fn version(objects: &Arc<dyn Objects>, key: &ObjectKey) -> String {
    let info = objects.head(key, None).await.expect("head");
    let info = info.expect("the object is there");
    info.version_id.expect("the bucket keeps versions")
}

async fn url(objects: &Arc<dyn Objects>, key: &ObjectKey, version_id: &str) -> String {
    let terms = DownloadOptions {
        version_id: Some(version_id.to_owned()),
        ..DownloadOptions::default()
    };
    let presigned = objects.presign_get(key, &terms, LIFE).await;
    presigned.expect("presign").url
}
