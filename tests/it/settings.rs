//! Settings by flag, environment and file, as the binary takes them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{self, Running};

const KEY: &str = "a-secret-key-of-the-tests";
const LINE_TIMEOUT: Duration = Duration::from_secs(30);

fn serve(home: &TempDir) -> Command {
    let mut command = support::clean_command(support::binary(), home.path());
    command.arg("serve").env("EVENT_HISTORY_API_KEY", KEY);
    command.env("EVENT_HISTORY_LISTEN", "127.0.0.1:0");
    command
}

/// Runs a command that has to fail at its settings, and returns what it complained of, a line each.
fn complaints(command: &mut Command) -> Vec<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the binary runs");
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stdout.is_empty());
    assert!(!stderr.contains(KEY), "a secret: {stderr}");
    stderr.lines().map(str::to_owned).collect()
}

#[track_caller]
fn has(lines: &[String], words: &[&str]) {
    let found = lines
        .iter()
        .any(|line| words.iter().all(|word| line.contains(word)));
    assert!(found, "no line with all of {words:?} in {lines:#?}");
}

#[test]
fn flags_take_precedence_over_variables_the_file_and_defaults() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("settings.toml");
    let setting =
        |name: &str| format!("database = \"sqlite:{name}\"\nfiles = \"file:{name}/files\"\n");
    fs::write(&file, setting("from-file")).expect("settings");
    let folder_made_by = |configure: &dyn Fn(&mut Command)| {
        let mut command = serve(&home);
        configure(&mut command);
        let running = Running::spawn(&mut command);
        let line = running.line(LINE_TIMEOUT);
        assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
        assert!(running.term().success(), "{}", running.stderr());
        let made = [
            "event-history-data",
            "from-file",
            "from-variable",
            "from-flag",
        ];
        let made: Vec<_> = made
            .into_iter()
            .filter(|name| home.path().join(name).join("registry.db").exists())
            .collect();
        for name in &made {
            fs::remove_dir_all(home.path().join(name)).expect("removed");
        }
        assert_eq!(made.len(), 1, "{made:?}");
        // The files that the settings name have become those of the database that is gone.
        let _ = fs::remove_dir_all(home.path().join("from-file"));
        made[0]
    };
    let with_file = |command: &mut Command| {
        command.env("EVENT_HISTORY_CONFIG", &file);
    };
    let with_variable = |command: &mut Command| {
        with_file(command);
        command.env("EVENT_HISTORY_DATABASE", "sqlite:from-variable");
    };
    assert_eq!(folder_made_by(&|_| {}), "event-history-data");
    assert_eq!(folder_made_by(&with_file), "from-file");
    assert_eq!(folder_made_by(&with_variable), "from-variable");
    let with_flag = |command: &mut Command| {
        with_variable(command);
        command.args(["--database", "sqlite:from-flag"]);
    };
    assert_eq!(folder_made_by(&with_flag), "from-flag");
    // An empty variable is one that is not set.
    let with_empty = |command: &mut Command| {
        with_file(command);
        command.env("EVENT_HISTORY_DATABASE", "");
    };
    assert_eq!(folder_made_by(&with_empty), "from-file");
}

#[test]
fn unknown_settings_name_their_source() {
    let home = tempfile::tempdir().expect("a folder");
    let lines = complaints(serve(&home).args(["--databse", "x"]));
    has(&lines, &["--databse"]);
    has(&lines, &["--database"]);
    let lines = complaints(serve(&home).env("EVENT_HISTORY_DATABSE", "x"));
    has(&lines, &["EVENT_HISTORY_DATABSE", "EVENT_HISTORY_DATABASE"]);
    let file = home.path().join("settings.toml");
    fs::write(&file, "listen = \"127.0.0.1:0\"\n\ndatabse = \"x\"\n").expect("settings");
    let lines = complaints(serve(&home).arg("--config").arg(&file));
    has(
        &lines,
        &["settings.toml:3", "databse", "did you mean database"],
    );
    let lines = complaints(serve(&home).args(["--config", "nowhere.toml"]));
    has(&lines, &["nowhere.toml"]);
    fs::write(&file, format!("api_key = \"{KEY}\" oops\n")).expect("settings");
    has(
        &complaints(serve(&home).arg("--config").arg(&file)),
        &["settings.toml:1"],
    );
}

#[test]
fn wrong_values_are_reported_at_once_with_the_place_where_they_were_given() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("settings.toml");
    fs::write(
        &file,
        "max_connections = 0\nworker_threads = 0\n[event_types]\nx = \"name\"\n",
    )
    .expect("settings");
    let lines = complaints(
        serve(&home)
            .arg("--config")
            .arg(&file)
            .args([
                "--listen",
                "localhost",
                "--upload-url-ttl",
                "8d",
                "--tenant-from",
                "origin",
            ])
            .args([
                "--public-url",
                "history.example",
                "--cors-origins",
                "https://a/b",
            ])
            .env("EVENT_HISTORY_FILES", "s3://bucket?regoin=x")
            .env("EVENT_HISTORY_DATABASE", "postgres://x")
            .env("EVENT_HISTORY_KEY_STREAMS", "0")
            .env("EVENT_HISTORY_KEY_UPLOAD_BYTES_PER_DAY", "many")
            .env("EVENT_HISTORY_LOG_LEVEL", "loud,,=")
            .env("EVENT_HISTORY_LOG_FORMAT", "xml"),
    );
    has(&lines, &["--listen", "localhost"]);
    has(&lines, &["--upload-url-ttl", "8d", "7d"]);
    has(&lines, &["--tenant-from", "origin"]);
    has(&lines, &["--public-url", "history.example"]);
    has(&lines, &["--cors-origins", "https://a"]);
    has(&lines, &["EVENT_HISTORY_FILES", "regoin"]);
    has(&lines, &["EVENT_HISTORY_DATABASE", "postgres://x"]);
    has(&lines, &["EVENT_HISTORY_KEY_STREAMS", "0"]);
    has(&lines, &["EVENT_HISTORY_KEY_UPLOAD_BYTES_PER_DAY", "many"]);
    has(&lines, &["EVENT_HISTORY_LOG_LEVEL"]);
    has(&lines, &["EVENT_HISTORY_LOG_FORMAT", "xml"]);
    has(&lines, &["settings.toml:1", "max_connections", "0"]);
    has(&lines, &["settings.toml:2", "worker_threads", "0"]);
    has(&lines, &["settings.toml", "'x'"]);
}

#[test]
fn every_wrong_event_schema_is_reported_with_its_file() {
    let home = tempfile::tempdir().expect("a folder");
    let schemas = home.path().join("schemas");
    let write = |file: &str, text: &str| {
        let path = schemas.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a schema");
    };
    write("demo/record_created.json", "{");
    write("demo/7.json", r#"{"items": {"type": "objekt"}}"#);
    write("demo/field_values_changed.json", "{}");
    write(
        "demo/8.json",
        r#"{"$ref": "https://example.com/schema.json"}"#,
    );
    write("demo/9.json", r#"{"$ref": "file:///etc/hostname"}"#);
    write("demo/record_destroyed.json", "{}");
    write("demo/notes.txt", "");
    write("no.name/1.json", "{}");
    write("1.json", "{}");
    write(".hidden/x", "");
    let mut check = support::clean_command(support::binary(), home.path());
    check.arg("check").env("EVENT_HISTORY_API_KEY", KEY);
    for command in [&mut serve(&home), &mut check] {
        let lines = complaints(command.arg("--event-schemas").arg(&schemas));
        has(&lines, &["demo/record_created.json", "no JSON"]);
        has(&lines, &["demo/7.json", "/items/type"]);
        has(&lines, &["demo/field_values_changed.json", "demo/7.json"]);
        has(&lines, &["demo/8.json", "https://example.com/schema.json"]);
        has(&lines, &["demo/9.json", "file:///etc/hostname"]);
        has(&lines, &["demo/record_destroyed.json", "no event type"]);
        has(&lines, &["demo/notes.txt", ".json"]);
        has(&lines, &["no.name", "database name"]);
        has(&lines, &["schemas/1.json", "no folder"]);
        assert!(
            !lines.iter().any(|line| line.contains("hidden")),
            "{lines:#?}"
        );
    }
    let lines = complaints(serve(&home).args(["--event-schemas", "nowhere"]));
    has(&lines, &["nowhere", "cannot be read"]);
}

#[test]
fn every_problem_of_the_settings_file_is_reported_at_once() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("settings.toml");
    let settings = "api_key = 3\nlisten = true\nworker_threads = 0\n[event_types]\nx = \"name\"\n\
                    11 = \"comment_added\"\n12 = \"\"\n13 = 4\n[source_types]\ny = \"name\"\n";
    fs::write(&file, settings).expect("settings");
    let mut command = serve(&home);
    command.env_remove("EVENT_HISTORY_API_KEY");
    command.env("EVENT_HISTORY_FILES", "s4://bucket");
    let lines = complaints(command.arg("--config").arg(&file));
    has(
        &lines,
        &["settings.toml:1: api_key: expected text", "found integer"],
    );
    has(
        &lines,
        &["settings.toml:2: listen: expected text", "found boolean"],
    );
    has(&lines, &["settings.toml:3: worker_threads", "0"]);
    has(&lines, &["settings.toml:5: event_types", "'x'"]);
    has(&lines, &["settings.toml:7: event_types", "id 12"]);
    has(&lines, &["settings.toml:8: event_types", "id 13"]);
    has(&lines, &["settings.toml:10: source_types", "'y'"]);
    has(&lines, &["EVENT_HISTORY_FILES", "s4://bucket"]);
    assert_eq!(lines.len(), 8, "{lines:#?}");
}

#[test]
fn blank_keys_are_refused() {
    let home = tempfile::tempdir().expect("a folder");
    let lines = complaints(serve(&home).env("EVENT_HISTORY_API_KEY", "one,,two"));
    has(&lines, &["blank"]);
}

#[test]
fn failure_to_open_is_reported_in_one_line() {
    let home = tempfile::tempdir().expect("a folder");
    let failure = |command: &mut Command| {
        let Output { status, stderr, .. } = command.output().expect("the binary runs");
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        assert_eq!(status.code(), Some(1), "{stderr}");
        let last = stderr.lines().last().expect("a line").to_owned();
        assert!(last.starts_with("event-history: "), "{last}");
        last
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let line = failure(serve(&home).args(["--listen", &address]));
    assert!(line.contains(&address), "{line}");

    fs::write(home.path().join("file"), "").expect("a file");
    let line = failure(serve(&home).args(["--database", "sqlite:file"]));
    assert!(line.contains("sqlite:file"), "{line}");

    let running = Running::spawn(&mut serve(&home));
    running.line(LINE_TIMEOUT);
    let line = failure(&mut serve(&home));
    assert!(
        line.contains("event-history-data"),
        "two processes in one folder: {line}"
    );
}

#[test]
fn several_keys_are_accepted_and_none_is_shown() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = serve(&home);
    command.env("EVENT_HISTORY_API_KEY", format!("short, {KEY}"));
    let running = Running::spawn(command.args(["--log-level", "trace", "--log-format", "json"]));
    let line = running.line(LINE_TIMEOUT);
    let url = line
        .strip_prefix("listening on ")
        .expect("an address")
        .to_owned();
    for (key, status) in [("short", "400"), (KEY, "400"), ("other", "401")] {
        let printed = support::status_with_key(&url, key);
        assert_eq!(printed, status, "{key}");
    }
    assert!(running.term().success());
    let log = running.stderr();
    assert!(
        log.lines().all(|line| line.starts_with('{')),
        "not JSON alone: {log}"
    );
    assert!(log.contains("fewer than 16 characters"), "{log}");
    assert!(!log.contains(KEY), "a key in the log: {log}");
}

#[test]
fn a_low_limit_of_open_files_is_raised_as_far_as_it_goes() {
    const CONNECTIONS: usize = 200;
    let home = tempfile::tempdir().expect("a folder");
    let limited = |limits: &str| {
        let mut command = support::clean_command("sh", home.path());
        command.args(["-c", &format!("{limits}; exec \"$0\" serve")]);
        command.arg(support::binary());
        command
            .env("EVENT_HISTORY_API_KEY", KEY)
            .env("EVENT_HISTORY_LISTEN", "127.0.0.1:0");
        let running = Running::spawn(&mut command);
        let line = running.line(LINE_TIMEOUT);
        let address = line.strip_prefix("listening on http://");
        (running, address.expect("an address").to_owned())
    };
    let (running, address) = limited("ulimit -Sn 128");
    let answered = |request: &str| {
        let mut connection = TcpStream::connect(&address).expect("connected");
        let timeout = Some(Duration::from_secs(10));
        connection.set_read_timeout(timeout).expect("a timeout");
        connection.write_all(request.as_bytes()).expect("sent");
        let mut start = [0; "HTTP/1.1 200".len()];
        connection.read_exact(&mut start).expect("an answer");
        (connection, String::from_utf8_lossy(&start).into_owned())
    };
    let mut open = Vec::new();
    for number in 0..CONNECTIONS {
        let (connection, start) = answered("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(start, "HTTP/1.1 200", "connection {number}");
        open.push(connection);
    }
    assert!(running.open_files() > CONNECTIONS);
    let body = r#"{"database_name":"alx_demo","client_label":"Demo"}"#;
    let (_connection, start) = answered(&format!(
        "POST /api/initialize-tenant HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(start, "HTTP/1.1 201");
    drop(open);
    assert!(running.term().success());
    assert!(
        !running.stderr().contains("open files"),
        "{}",
        running.stderr()
    );

    let (running, _) = limited("ulimit -n 128");
    assert!(running.term().success());
    assert!(
        running.stderr().contains("128 open files"),
        "{}",
        running.stderr()
    );
}

#[test]
fn a_second_signal_ends_at_once() {
    let home = tempfile::tempdir().expect("a folder");
    let running = Running::spawn(serve(&home).args(["--request-timeout", "10m"]));
    let line = running.line(LINE_TIMEOUT);
    let address = line
        .strip_prefix("listening on http://")
        .expect("an address");
    let mut unfinished = TcpStream::connect(address).expect("connected");
    let head = format!(
        "POST /api/initialize-tenant HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: 50\r\nExpect: 100-continue\r\n\r\n"
    );
    unfinished.write_all(head.as_bytes()).expect("sent");
    // The service asks for the body once it has begun to read it: now the request is in flight.
    let mut asked = [0; "HTTP/1.1 100".len()];
    unfinished
        .set_read_timeout(Some(LINE_TIMEOUT))
        .expect("a timeout");
    unfinished.read_exact(&mut asked).expect("an answer");
    assert_eq!(asked, *b"HTTP/1.1 100");

    running.ask_to_end();
    let start = Instant::now();
    while !running.stderr().contains("stopping") {
        assert!(start.elapsed() < LINE_TIMEOUT, "{}", running.stderr());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!running.has_ended(), "a request is in flight");
    assert_eq!(running.term().code(), Some(128 + 15));
}

#[test]
fn the_help_is_complete() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = support::clean_command(support::binary(), home.path());
    let help = support::run(
        command
            .args(["serve", "--help"])
            .env("EVENT_HISTORY_API_KEY", KEY),
    );
    let documented = include_str!("../../docs/configuration.md");
    let names = help.split_whitespace().filter_map(|word| {
        let name = word.strip_prefix("--")?;
        Some(name.trim_end_matches(|char: char| !char.is_ascii_lowercase()))
    });
    let names: BTreeSet<_> = names.filter(|name| *name != "help").collect();
    assert!(names.contains("listen") && names.len() > 20, "{names:?}");
    for name in names {
        let variable = format!("EVENT_HISTORY_{}", name.replace('-', "_").to_uppercase());
        for text in [help.as_str(), documented] {
            assert!(text.contains(&format!("--{name}")), "{name}");
            assert!(text.contains(&variable), "{variable}");
        }
    }
    assert!(!help.contains(KEY), "{help}");
    let mut command = support::clean_command(support::binary(), home.path());
    let version = support::run(command.arg("--version"));
    assert_eq!(
        version.trim(),
        concat!("event-history ", env!("CARGO_PKG_VERSION"))
    );
}
