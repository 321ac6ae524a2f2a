//! Uploads in parts: files on disk, concurrent completions, and cleanup.

use std::sync::atomic::{AtomicU64, Ordering};

use event_history::domain::Clock;
use event_history::objects::{Error, PartTag};
use futures_util::StreamExt;
use futures_util::future::join_all;
use rusty_s3::S3Action;

use super::*;

const PART_BYTES: usize = 5 * 1024 * 1024;

pub(super) async fn begin(endpoint: &Endpoint, key: &ObjectKey) -> String {
    let terms = UploadConstraints::default();
    endpoint
        .objects
        .create_multipart(key, &terms)
        .await
        .unwrap()
}

async fn put_part(
    endpoint: &Endpoint,
    key: &ObjectKey,
    id: &str,
    number: u16,
    body: Vec<u8>,
) -> Response {
    let signed = endpoint
        .objects
        .presign_part(key, id, number, MINUTE)
        .await
        .unwrap();
    put(&signed.url, body, &[]).await
}

pub(super) async fn tag(
    endpoint: &Endpoint,
    key: &ObjectKey,
    id: &str,
    number: u16,
    body: Vec<u8>,
) -> PartTag {
    let answer = put_part(endpoint, key, id, number, body).await;
    assert_eq!(answer.status(), 200);
    let etag = answer.headers()["etag"].to_str().unwrap().trim_matches('"');
    PartTag {
        number,
        etag: etag.to_owned(),
    }
}

/// Makes an object of a first part of the least size and a last one of 1,000 bytes.
pub(super) async fn make(endpoint: &Endpoint, key: &ObjectKey, seed: u64) -> Vec<u8> {
    let id = begin(endpoint, key).await;
    let whole = noise(seed, PART_BYTES + 1000);
    let (first, last) = whole.split_at(PART_BYTES);
    let last = tag(endpoint, key, &id, 7, last.to_vec()).await;
    let first = tag(endpoint, key, &id, 2, first.to_vec()).await;
    assert!(
        endpoint
            .objects
            .complete_multipart(key, &id, &[first, last], Replace::Yes)
            .await
            .unwrap()
    );
    whole
}

#[tokio::test]
async fn an_object_in_parts_is_read_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let whole = make(&endpoint, &key, 5).await;
    assert_eq!((endpoint.in_parts(), endpoint.uploads()), ((0, 1), 0));
    assert!(endpoint.get(&key).await.bytes().await.unwrap() == whole);
    let url = endpoint.get_url(&key).await;
    let border = PART_BYTES;
    for (first, last) in [
        (0, 0),
        (border - 1, border - 1),
        (border - 10, border + 9),
        (border, border + 999),
        (border + 999, border + 999),
        (3, border + 998),
    ] {
        let range = format!("bytes={first}-{last}");
        let answer = send(Method::GET, &url, &[("range", &range)]).await;
        assert_eq!(answer.status(), 206, "{range}");
        assert!(
            answer.bytes().await.unwrap() == whole[first..=last],
            "{range}"
        );
    }
    let info = endpoint.objects.head(&key, None).await.unwrap().unwrap();
    assert_eq!((info.size_bytes, info.sha256), (whole.len() as u64, None));
    assert!(info.etag.unwrap().ends_with("-2"));
    let listed = endpoint.objects.list(None, None).await.unwrap();
    assert_eq!((listed.objects.len(), listed.damaged.len()), (1, 0));

    // A part that is gone or short is no object, and never other bytes.
    let parts = fs::read_dir(folder.path().join("parts"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let content = fs::read(parts.join("00007")).unwrap();
    fs::write(parts.join("00007"), &content[1..]).unwrap();
    assert!(endpoint.get(&key).await.bytes().await.is_err());
    fs::remove_file(parts.join("00007")).unwrap();
    assert_eq!(endpoint.get(&key).await.status(), 500);
    assert!(endpoint.objects.head(&key, None).await.is_err());
    assert_eq!(
        endpoint
            .objects
            .list(None, None)
            .await
            .unwrap()
            .damaged
            .len(),
        1
    );
}

#[tokio::test]
async fn one_of_many_concurrent_completions_wins() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let id = begin(&endpoint, &key).await;
    let tags = [
        tag(&endpoint, &key, &id, 1, noise(1, PART_BYTES)).await,
        tag(&endpoint, &key, &id, 2, noise(2, 10)).await,
    ];
    let objects = &endpoint.objects;
    let late = async {
        let answer = put_part(&endpoint, &key, &id, 2, noise(3, 10)).await;
        answer.status().as_u16()
    };
    let complete = || objects.complete_multipart(&key, &id, &tags, Replace::Yes);
    let (completed, late) = tokio::join!(join_all((0..8).map(|_| complete())), late);
    // All are told of the one object. A part that came first is not what the tag says, so then all are refused.
    let done = completed.iter().filter(|it| matches!(it, Ok(true))).count();
    let refused = completed
        .iter()
        .filter(|it| matches!(it, Err(Error::Refused(_))))
        .count();
    assert!(
        done == 8 || (late == 200 && refused == 8),
        "{completed:?} {late}"
    );
    if done == 8 {
        let whole = [noise(1, PART_BYTES), noise(2, 10)].concat();
        assert!(endpoint.get(&key).await.bytes().await.unwrap() == whole);
        assert_eq!(
            put_part(&endpoint, &key, &id, 2, noise(3, 10))
                .await
                .status(),
            404
        );
        assert_eq!(objects.parts(&key, &id, 0).await.unwrap(), None);
        objects.abort_multipart(&key, &id).await.unwrap();
        assert!(endpoint.get(&key).await.bytes().await.unwrap() == whole);
    }
}

#[tokio::test]
async fn a_reader_of_a_deleted_object_reads_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    for replaces in [true, false] {
        let whole = make(&endpoint, &key, 9).await;
        let mut body = endpoint.get(&key).await.bytes_stream();
        let mut read = body.next().await.unwrap().unwrap().to_vec();
        if replaces {
            endpoint.put(&key, "new").await;
            assert_eq!(endpoint.get(&key).await.text().await.unwrap(), "new");
        } else {
            assert_eq!(
                endpoint
                    .objects
                    .delete(std::slice::from_ref(&key))
                    .await
                    .unwrap(),
                []
            );
            assert_eq!(endpoint.get(&key).await.status(), 404);
        }
        while let Some(chunk) = body.next().await {
            read.extend_from_slice(&chunk.unwrap());
        }
        assert!(read == whole);
        wait_until("the last reader has removed the parts", || {
            endpoint.in_parts() == (0, 0)
        })
        .await;
    }
    // By the S3 API, and what is not there is removed.
    make(&endpoint, &key, 11).await;
    let (bucket, credentials, name) = (endpoint.bucket(REGION), credentials(), key.to_string());
    let url = bucket
        .delete_object(Some(&credentials), &name)
        .sign_with_time(MINUTE, &now());
    for _ in 0..2 {
        assert_eq!(send(Method::DELETE, url.as_str(), &[]).await.status(), 204);
        assert_eq!((endpoint.kept(), endpoint.in_parts()), (0, (0, 0)));
    }
    let forged = url.as_str().replace("alx_demo", "alx_other");
    assert_eq!(send(Method::DELETE, &forged, &[]).await.status(), 403);
}

#[tokio::test]
async fn pages_of_parts_add_up_to_all_parts() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let id = begin(&endpoint, &key).await;
    let numbers = [1, 2, 5, 999, 1000, 1001, 9999, 10_000];
    for number in numbers {
        tag(&endpoint, &key, &id, number, noise(number.into(), 10)).await;
    }
    let (bucket, credentials, name) = (endpoint.bucket(REGION), credentials(), key.to_string());
    for page in [1, 3, 8, 1000] {
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let mut action = bucket.list_parts(Some(&credentials), &name, &id);
            action.set_part_number_marker(after);
            action.set_max_parts(page);
            let url = action.sign_with_time(MINUTE, &now());
            let text = send(Method::GET, url.as_str(), &[])
                .await
                .text()
                .await
                .unwrap();
            let answer = rusty_s3::actions::ListParts::parse_response(&text).unwrap();
            assert!(answer.parts.len() <= page.into());
            found.extend(answer.parts.iter().map(|part| part.number));
            match answer.next_part_number_marker {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(found, numbers, "{page} a page");
    }
    for number in [0, 10_001] {
        let answer = put_part(&endpoint, &key, &id, number, vec![1]).await;
        assert_eq!(refusal(answer).await.1, "InvalidArgument");
    }
    for id in ["../objects", "", "4f0c6f0e-1111-4222-8333-444455556666"] {
        let answer = put_part(&endpoint, &key, id, 1, vec![1]).await;
        assert_ne!(answer.status(), 200, "{id}");
    }
    let other = super::key("alx_demo");
    let answer = put_part(&endpoint, &other, &id, 1, vec![1]).await;
    assert_eq!(refusal(answer).await.1, "NoSuchUpload");
    endpoint.objects.abort_multipart(&key, &id).await.unwrap();
    assert_eq!((endpoint.in_parts(), endpoint.uploads()), ((0, 0), 0));
}

/// The machine's clocks, moved on.
#[derive(Debug, Default)]
struct Later {
    now_hours: AtomicU64,
    elapsed_hours: AtomicU64,
}

impl Later {
    /// Lets time pass for both clocks.
    fn pass(&self, days: u64) {
        self.now_hours.store(24 * days, Ordering::SeqCst);
        self.elapsed_hours.store(24 * days, Ordering::SeqCst);
    }

    /// Sets the clock that can be set.
    fn set(&self, days: u64) {
        self.now_hours.store(24 * days, Ordering::SeqCst);
    }
}

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock.now() + Duration::from_hours(self.now_hours.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed() + Duration::from_hours(self.elapsed_hours.load(Ordering::SeqCst))
    }
}

async fn open_later(endpoint: &Endpoint, folder: &Path, later: &Arc<Later>) -> Embedded {
    let mut context = context(&endpoint.url, true);
    context.clock = Arc::<Later>::clone(later);
    let opened = embedded::open(folder, BUCKET, REGION, &context);
    opened.await.unwrap().0
}

/// Each upload that begins looks for old ones.
async fn begin_another(objects: &Embedded) {
    let key = key("alx_demo");
    let terms = UploadConstraints::default();
    let id = objects.create_multipart(&key, &terms).await.unwrap();
    objects.abort_multipart(&key, &id).await.unwrap();
}

#[tokio::test]
async fn setting_the_clock_expires_no_upload() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    let id = begin(&endpoint, &key).await;
    tag(&endpoint, &key, &id, 1, noise(1, 10)).await;

    let later = Arc::new(Later::default());
    let objects = open_later(&endpoint, folder.path(), &later).await;
    later.set(9);
    begin_another(&objects).await;
    assert_eq!(endpoint.in_parts().0, 1, "while the upload is unfinished");
    open_later(&endpoint, folder.path(), &later).await;
    assert_eq!(endpoint.in_parts().0, 1, "at a start");
    let mark = folder.path().join("clock.json");
    for content in ["", "{\"at_ms\":0,\"points\":[]}", "garbage"] {
        fs::write(&mark, content).unwrap();
        open_later(&endpoint, folder.path(), &later).await;
        assert_eq!(endpoint.in_parts().0, 1, "after '{content}'");
    }
}

#[tokio::test]
async fn uploads_left_by_a_crash_or_a_client_are_cleaned_up() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let [kept, abandoned] = [key("alx_demo"), key("alx_demo")];
    let whole = make(&endpoint, &kept, 21).await;
    let id = begin(&endpoint, &abandoned).await;
    tag(&endpoint, &abandoned, &id, 1, noise(1, 10)).await;
    // Killed between the object and the end of its upload; in the middle of a beginning; and in the
    // middle of a removal.
    let [multipart, parts] = ["multipart", "parts"].map(|name| folder.path().join(name));
    let ended = fs::read_dir(&parts)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .file_name();
    fs::rename(parts.join(&ended), multipart.join(&ended)).unwrap();
    let [begun, removed] = [
        "4f0c6f0e-1111-4222-8333-444455556666",
        "4f0c6f0e-1111-4222-8333-444455556667",
    ];
    fs::create_dir(multipart.join(begun)).unwrap();
    fs::create_dir(parts.join(removed)).unwrap();
    let [this, lock] =
        [&multipart.join(&id), &parts.join(removed)].map(|it| it.join("upload.json"));
    fs::copy(this, lock).unwrap();

    // It is readable even so, and takes no more parts.
    assert!(endpoint.get(&kept).await.bytes().await.unwrap() == whole);
    let ended = ended.into_string().unwrap();
    assert_eq!(
        put_part(&endpoint, &kept, &ended, 2, vec![1])
            .await
            .status(),
        404
    );
    drop(endpoint);

    let endpoint = Endpoint::start(folder.path()).await;
    wait_until("the sweep is through", || endpoint.in_parts() == (1, 1)).await;
    assert!(endpoint.get(&kept).await.bytes().await.unwrap() == whole);
    assert!(
        endpoint
            .objects
            .parts(&abandoned, &id, 0)
            .await
            .unwrap()
            .is_some()
    );

    let later = Arc::new(Later::default());
    let objects = open_later(&endpoint, folder.path(), &later).await;
    for (days, left) in [(6, 1), (8, 0)] {
        later.pass(days);
        begin_another(&objects).await;
        assert_eq!(endpoint.in_parts().0, left, "after {days} days");
    }
}
