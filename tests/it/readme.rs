//! The commands of the README's tour and of the API's page, as a person pastes them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::support;

/// Returns the shell blocks of a text.
fn blocks(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split_once("```").expect("the end of a block").0);
    blocks.map(str::to_owned).collect()
}

fn tour() -> Vec<String> {
    let readme = include_str!("../../README.md");
    let start = "\n## Five minutes with curl\n";
    let (_, section) = readme.split_once(start).expect("the section");
    let section = section.find("\n## ").map_or(section, |end| &section[..end]);
    let blocks = blocks(section);
    assert!(blocks.len() > 6 && blocks[0].contains("event-history serve &"));
    blocks
}

/// A person's folder, and our binary on the path.
struct Person {
    home: TempDir,
    folder: PathBuf,
    address: String,
}

impl Person {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("of my choice");
        fs::create_dir_all(&folder).expect("a folder");
        let bin = home.path().join("bin");
        fs::create_dir(&bin).expect("a folder");
        symlink(support::binary(), bin.join("event-history")).expect("a link");
        let [port] = support::free_ports();
        let address = format!("127.0.0.1:{port}");
        Self {
            home,
            folder,
            address,
        }
    }

    /// Runs blocks in one shell, the first of which starts the service. Returns what was printed, also to standard error.
    fn pastes(&self, blocks: &[String]) -> (String, String) {
        let address = &self.address;
        let mut script = String::from(
            "set -eu\ntrap 'kill %1 2>/dev/null; wait' EXIT\n\
             curl() { command curl --fail-with-body \"$@\"; }\n",
        );
        for (number, block) in blocks.iter().enumerate() {
            script += &block.replace("127.0.0.1:8080", address);
            if number == 0 {
                // A person waits for the line that says so.
                script += "for _ in $(seq 300); do command curl -sf http://";
                script += address;
                script += "/health/live && break; sleep 0.1; done\n";
            }
        }
        let path = support::environment("PATH").expect("PATH is set");
        let bin = self.home.path().join("bin");
        let mut bash = support::clean_command("bash", self.home.path());
        let output = bash
            .args(["-c", &script])
            .current_dir(&self.folder)
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("EVENT_HISTORY_LISTEN", address)
            .env("EVENT_HISTORY_URL", format!("http://{address}"))
            .output()
            .expect("bash runs");
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{shown}\n{said}");
        (shown, said)
    }
}

#[test]
fn the_tour_works_as_printed_and_can_be_repeated() {
    let person = Person::new();
    for run in 1..=2 {
        let (shown, said) = person.pastes(&tour());
        assert!(shown.contains("\"Event created.\""), "run {run}: {shown}");
        assert!(shown.contains("\"filtered_count\":1"), "run {run}: {shown}");
        assert!(
            shown.contains("the contract, signed\n"),
            "run {run}: {shown}"
        );
        assert!(
            said.contains("\"client_secret\""),
            "it is shown once: {said}"
        );
        let mut left: Vec<_> = fs::read_dir(&person.folder)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        left.sort();
        // What the end of the tour says is left; the secret is in none of it.
        assert_eq!(
            left,
            ["contract.txt", "downloaded.txt", "event-history-data"]
        );
        // The next tenant needs another second in its name.
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}

#[test]
fn the_commands_of_the_page_about_the_terminal_work_as_printed() {
    let person = Person::new();
    let page = blocks(include_str!("../../docs/terminal.md"));
    assert!(page.len() > 5, "{page:?}");
    let (shown, said) = person.pastes(&[tour(), page].concat());
    for answer in [
        // A table, a record, an export and the events of a CSV.
        "field_values_changed  Ada (user 7)",
        "Record 42 exists",
        "event_id,event_time,received_at,",
        "Priority  urgent",
    ] {
        assert!(shown.contains(answer), "{answer}: {shown}");
    }
    assert!(
        said.contains("2 stored, 0 stored before, 0 rejected"),
        "{said}"
    );
    assert!(
        said.contains("0 stored, 2 stored before, 0 rejected"),
        "{said}"
    );
}

#[test]
fn the_commands_of_the_page_about_the_api_work_as_printed() {
    let person = Person::new();
    let page = blocks(include_str!("../../docs/api.md"));
    assert!(page.len() > 10, "{page:?}");
    let (shown, _) = person.pastes(&[tour(), page].concat());
    for answer in [
        // The conditions, the form, the parts, the two files of an event, a batch, a record and its changes, and the feed.
        "\"x-amz-checksum-sha256\":",
        "\"policy\":",
        "\"part_count\":3",
        "\"part_number\":3,",
        "\"size_bytes\":12000000,",
        "\"download_url\":",
        "\"stored\":1,\"duplicates\":0,\"rejected\":1,",
        "\"limit\":5,\"offset\":0,", // the search
        "\"unrecognised_count\":",
        "\"exists\":{\"old\":null,\"new\":true,",
        "\"event_id\":\"7c9e6679-7425-40de-944b-e07fc1f90ae7\"",
        "\"7c9e6679-7425-40de-944b-e07fc1f90ae7\"]",
        "\"has_more\":true",
        "\"has_more\":false",
    ] {
        assert!(shown.contains(answer), "{answer}: {shown}");
    }
    assert_eq!(shown.matches("\"Event created.\"").count(), 2, "{shown}");
}
