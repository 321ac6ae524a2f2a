//! Events with several files, files that an event does not have, and types with names of their own.

use std::process::Command;

use super::{Fixture, refused};
use crate::support::{self, Server};

/// Uploads two files under one name and a third, as one event, and returns its id and the ids of the files.
async fn event_with_three_files(fixture: &Fixture) -> (String, Vec<String>) {
    for folder in ["a", "b"] {
        std::fs::create_dir_all(fixture.path(folder)).unwrap();
        fixture.write(&format!("{folder}/scan.pdf"), folder.as_bytes());
    }
    fixture.write("letter.txt", b"c");
    let mut upload = fixture.command(&["upload", "a/scan.pdf", "b/scan.pdf", "letter.txt"]);
    upload.args(["--record-id", "42", "--event-type", "9"]);
    let event_id = support::run(&mut upload).trim_end().to_owned();
    let event = fixture.event(&event_id).await;
    let ids = event["files"].as_array().unwrap().iter();
    let ids = ids.map(|file| file["file_id"].as_str().unwrap().to_owned());
    (event_id, ids.collect())
}

fn outputs(command: &mut Command) -> (String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{stderr}");
    (stdout, stderr)
}

#[tokio::test]
async fn all_files_of_an_event_are_downloaded() {
    let fixture = Fixture::new().await;
    let (event_id, ids) = event_with_three_files(&fixture).await;
    let folder = fixture.path("all");
    std::fs::create_dir(&folder).unwrap();

    let (printed, said) = outputs(
        fixture
            .command(&["download", &event_id])
            .current_dir(&folder),
    );
    assert_eq!(printed, "scan.pdf\n");
    assert!(said.contains("first of the event's 3 files"), "{said}");
    assert!(said.contains("--all"), "{said}");
    let one = ["download", &event_id, "--file-id", &ids[2]];
    let (printed, said) = outputs(fixture.command(&one).current_dir(&folder));
    assert_eq!(printed, "letter.txt\n");
    assert!(!said.contains("--all"), "{said}");

    let all = ["download", &event_id, "--all", "--force", "--output", "all"];
    let (printed, said) = outputs(&mut fixture.command(&all));
    let second = format!("{}-scan.pdf", ids[1]);
    let expected = format!("all/scan.pdf\nall/{second}\nall/letter.txt\n");
    assert_eq!(printed, expected);
    assert!(!said.contains("--all"), "{said}");
    for (name, content) in [("scan.pdf", "a"), (&second, "b"), ("letter.txt", "c")] {
        assert_eq!(std::fs::read_to_string(folder.join(name)).unwrap(), content);
    }
    let said =
        refused(fixture.command(&["download", &event_id, "--all", "--output", "letter.txt"]));
    assert!(said.contains("'letter.txt' is not a folder"), "{said}");
}

#[tokio::test]
async fn a_file_that_the_event_does_not_have_is_named() {
    let fixture = Fixture::new().await;
    let (event_id, ids) = event_with_three_files(&fixture).await;
    let other = support::uuid();
    let said = refused(fixture.command(&["download", &event_id, "--file-id", &other]));
    let expected = format!(
        "event '{event_id}' has no file '{other}': its files are {}",
        ids.join(", ")
    );
    assert!(said.contains(&expected), "{said}");
}

#[tokio::test]
async fn types_have_the_names_that_the_service_has() {
    let settings = "[event_types]\n11 = \"comment_added\"\n[source_types]\n4 = \"import\"\n";
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), settings).unwrap();
    let server = Server::builder()
        .arg("--config")
        .arg(config.path().display().to_string())
        .start();
    let fixture = Fixture::at(server).await;
    let file = fixture.write("scan.pdf", b"a");
    let upload = |event_type: &str, source_type: &str| {
        let file = file.to_str().unwrap();
        let types = ["--event-type", event_type, "--source-type", source_type];
        fixture.command(&[&["upload", file, "--record-id", "42"], &types[..]].concat())
    };
    let event_id = support::run(&mut upload("comment_added", "import"));
    let event = fixture.event(event_id.trim_end()).await;
    assert_eq!(
        (&event["event_type_id"], &event["source_type_id"]),
        (&11.into(), &4.into())
    );
    let event_id = support::run(&mut upload("-12", "77"));
    let event = fixture.event(event_id.trim_end()).await;
    assert_eq!(
        (&event["event_type_id"], &event["source_type_id"]),
        (&(-12).into(), &77.into())
    );
    let output = upload("comment_aded", "inport").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for problem in [
        "--event-type: the service has no event type 'comment_aded'",
        "document_generated, status_initialized, comment_added",
        "--source-type: the service has no source type 'inport'",
    ] {
        assert!(said.contains(problem), "{said}");
    }
}
