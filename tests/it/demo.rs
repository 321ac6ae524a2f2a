//! `event-history demo`, as a person runs it.

use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{self, Running};

const LINE_TIMEOUT: Duration = Duration::from_secs(30);

fn demo(home: &TempDir) -> Command {
    let mut command = support::clean_command(support::binary(), home.path());
    command.arg("demo").env("TMPDIR", home.path());
    command
}

#[test]
fn the_demo_succeeds_and_leaves_nothing() {
    let home = tempfile::tempdir().expect("a folder");
    let output = support::run(&mut demo(&home));
    assert_eq!(output.matches("\ncurl -sS ").count(), 8, "{output}");
    assert_eq!(output.matches("\"Event created.\"").count(), 2, "{output}");
    assert!(output.contains("\n  \"filtered_count\": 1,\n"), "{output}");
    let (_, end) = output
        .split_once("The downloaded bytes are the uploaded ones")
        .expect("the verdict");
    for hint in ["demo --keep", "event-history serve", "README", "/docs"] {
        assert!(end.contains(hint), "{hint}: {end}");
    }
    let left = std::fs::read_dir(home.path()).expect("the folder").count();
    assert_eq!(left, 0, "the temporary folder is still there");
}

#[test]
fn a_kept_demo_accepts_its_printed_commands() {
    let home = tempfile::tempdir().expect("a folder");
    let demo = Running::spawn(demo(&home).arg("--keep"));
    let mut commands = Vec::new();
    let (mut address, mut key, mut client_id) = (String::new(), String::new(), String::new());
    while client_id.is_empty() {
        let line = demo.line(LINE_TIMEOUT);
        for (name, value) in [
            ("address", &mut address),
            ("API key", &mut key),
            ("client id", &mut client_id),
        ] {
            if let Some(rest) = line.strip_prefix(&format!("  {name}")) {
                rest.trim().clone_into(value);
            }
        }
        if line.starts_with("curl ") || line.starts_with("cmp ") {
            commands.push(line);
        }
    }
    assert_eq!(commands.len(), 9);
    for (number, command) in commands.iter().enumerate() {
        let pasted = command.replacen("curl -sS ", "curl -sS -w '\\n%{http_code}' ", 1);
        let output = support::run(Command::new("sh").args(["-c", &pasted]));
        let expected = match number {
            0 => "{\"detail\":\"Client already exist.\"}\n400", // the demo has made it
            3 | 4 => "{\"detail\":\"Event created.\"}\n201",
            8 => "", // cmp is silent about files that are the same
            _ => "\n200",
        };
        assert!(output.ends_with(expected), "{command}\n{output}");
    }
    let history = format!(
        "curl -sS -H 'X-API-Key: {key}' -H 'X-Client-Id: {client_id}' {address}/api/history/events"
    );
    let output = support::run(Command::new("sh").args(["-c", &history]));
    assert!(
        output.contains("\"total_count\":1"),
        "pasting stored it again: {output}"
    );

    let link = loop {
        let line = demo.line(LINE_TIMEOUT);
        if line.contains("#code=") {
            break line;
        }
    };
    let (_, code) = link.split_once("#code=").expect("a code");
    let sign_in_with = |code: &str| {
        let exchange = format!(
            "curl -sS -w '%{{http_code}}' {address}/ui/sign-in -d '{{\"code\": \"{code}\"}}'"
        );
        support::run(Command::new("sh").args(["-c", &exchange]))
    };
    let sign_in = || sign_in_with(code);
    assert_eq!(
        sign_in_with(&code[1..]),
        "{\"detail\":\"Not Found\"}404",
        "a wrong code neither opens the history nor uses the right one up"
    );
    let answer = sign_in();
    let token = answer.split('"').nth(3).expect("a token");
    assert!(answer.ends_with("200"), "{answer}");
    assert_eq!(
        sign_in(),
        "{\"detail\":\"Not Found\"}404",
        "a code is good once"
    );
    let history = format!(
        "curl -sS -H 'Authorization: Bearer {token}' '{address}/api/history/events?limit=1'"
    );
    let output = support::run(Command::new("sh").args(["-c", &history]));
    assert!(output.contains("\"total_count\":500"), "{output}");

    assert!(demo.term().success());
    assert_eq!(
        std::fs::read_dir(home.path()).expect("the folder").count(),
        0
    );
}

#[test]
fn the_demo_needs_no_folder_for_temporary_files() {
    let home = tempfile::tempdir().expect("a folder");
    let missing = home.path().join("missing");
    let mut command = demo(&home);
    let output = support::run(command.env("TMPDIR", &missing));
    let place = format!("{}/event-history-demo-", home.path().display());
    assert!(output.contains(&place), "{output}");
    assert_eq!(std::fs::read_dir(home.path()).expect("it").count(), 0);

    // Not even root can create files in `/proc`.
    let mut command = demo(&home);
    let output = support::run(command.env("TMPDIR", &missing).current_dir("/proc"));
    assert!(
        output.contains(" in /dev/shm/event-history-demo-"),
        "{output}"
    );
}
