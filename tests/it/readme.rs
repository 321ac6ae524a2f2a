//! The tour of the README, as a person pastes it: every command as printed, twice in one folder.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support;

/// Returns the shell blocks of a section of the README.
fn blocks(section: &str) -> Vec<String> {
    let readme = include_str!("../../README.md");
    let start = readme
        .find(&format!("\n## {section}\n"))
        .expect("the section");
    let section = &readme[start + 1..];
    let section = section.find("\n## ").map_or(section, |end| &section[..end]);
    let blocks = section.split("```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split_once("```").expect("the end of a block").0);
    blocks.map(str::to_owned).collect()
}

#[test]
fn the_tour_works_as_printed_and_can_be_repeated() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("of my choice");
    fs::create_dir_all(&folder).expect("a folder");
    let bin = home.path().join("bin");
    fs::create_dir(&bin).expect("a folder");
    symlink(support::binary(), bin.join("event-history")).expect("a link");
    let [port] = support::free_ports();
    let address = format!("127.0.0.1:{port}");

    let blocks = blocks("Five minutes with curl");
    assert!(blocks.len() > 6 && blocks[0].contains("event-history serve &"));
    let mut tour = String::from("set -eu\ntrap 'kill %1 2>/dev/null; wait' EXIT\n");
    let wait = format!(
        "for _ in $(seq 300); do curl -sf http://{address}/health/live && break; sleep 0.1; done\n"
    );
    for (number, block) in blocks.iter().enumerate() {
        tour += &block.replace("127.0.0.1:8080", &address);
        if number == 0 {
            // A person waits for the line that says so.
            tour += &wait;
        }
    }
    for run in 1..=2 {
        let path = support::environment("PATH").expect("PATH is set");
        let mut bash = support::clean_command("bash", home.path());
        let output = bash
            .args(["-c", &tour])
            .current_dir(&folder)
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("EVENT_HISTORY_LISTEN", &address)
            .env("EVENT_HISTORY_URL", format!("http://{address}"))
            .output()
            .expect("bash runs");
        let shown = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "run {run}: {shown}\n{said}");
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
        let mut left: Vec<_> = fs::read_dir(&folder)
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
