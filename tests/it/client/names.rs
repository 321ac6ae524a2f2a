//! File names of any kind are restored, and stay inside the folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use event_history::domain::FileName;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;

use super::Fixture;
use crate::support::{self, expect};

#[tokio::test]
async fn any_file_name_is_restored_inside_the_folder() {
    let fixture = Fixture::new().await;
    let emoji = format!("{}abc", "\u{1f642}".repeat(63));
    assert_eq!(emoji.len(), FileName::MAX_BYTES);
    for (name, local) in [
        (
            "a \"quoted\" it's; name=\\.pdf",
            "a \"quoted\" it's; name=_.pdf",
        ),
        ("two\r\nlines.txt", "two__lines.txt"),
        (
            "\u{202e}fdp.\u{200f}\u{5d0}\u{2028}.txt",
            "_fdp._\u{5d0}_.txt",
        ),
        (
            "\u{645}\u{6cc}\u{200c}\u{62e}.txt",
            "\u{645}\u{6cc}\u{200c}\u{62e}.txt",
        ),
        (&emoji, &emoji),
        ("../../escape.txt", "___.._escape.txt"),
        ("/etc/passwd", "_etc_passwd"),
        ("..", "__"),
        (".bashrc", "_bashrc"),
        ("100%41 Übersicht.tar.gz", "100%41 Übersicht.tar.gz"),
    ] {
        is_restored(&fixture, name, local).await;
    }
}

async fn is_restored(fixture: &Fixture, name: &str, local: &str) {
    let bytes = support::random_bytes(1000);
    // By its own name where a file can have it, else by --name.
    let source = tempfile::tempdir().unwrap();
    let can_be_own = !name.contains('/') && name != "..";
    let own = if can_be_own { name } else { "plain.txt" };
    let file = source.path().join(own);
    std::fs::write(&file, &bytes).unwrap();
    let further: &[&str] = if can_be_own { &[] } else { &["--name", name] };
    let event_id = fixture.upload_one(&file, further);

    let event = fixture.event(&event_id).await;
    assert_eq!(event["file"]["file_name"], name);
    let target = format!("/api/history/events/{event_id}/file?disposition=attachment");
    let answer = fixture.server.get_json(&fixture.tenant, &target).await;
    let url = answer["download_url"].as_str().unwrap();
    let answer = expect(
        fixture.server.client().request(Method::GET, url),
        StatusCode::OK,
    )
    .await;
    let disposition = answer.headers()["content-disposition"].to_str().unwrap();
    assert_eq!(shown_name(disposition), local, "{disposition}");

    let folder = fixture.path("a/b/c");
    std::fs::create_dir_all(&folder).unwrap();
    let before = everything_below(fixture.folder.path());
    let mut download = fixture.command(&["download", &event_id]);
    support::run(download.current_dir(&folder));
    let mut after = everything_below(fixture.folder.path());
    let arrived = folder.join(local);
    assert!(after.remove(&arrived), "{local:?} is not in {after:?}");
    assert_eq!(after, before);
    assert!(std::fs::read(&arrived).unwrap() == bytes);
    std::fs::remove_file(arrived).unwrap();
}

/// Reads the name as RFC 6266 says: the extended parameter first.
fn shown_name(disposition: &str) -> String {
    if let Some((_, extended)) = disposition.split_once("filename*=UTF-8''") {
        return percent_decode_str(extended)
            .decode_utf8()
            .unwrap()
            .into_owned();
    }
    let (_, rest) = disposition.split_once("filename=\"").unwrap();
    rest.strip_suffix('"').unwrap().to_owned()
}

fn everything_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path.clone());
            }
            found.insert(path);
        }
    }
    found
}
