//! The first start without any setting: the API key that `serve` generates, who sees it, and where none is generated.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{self, Running};

const LINE_TIMEOUT: Duration = Duration::from_secs(30);

/// Gives a command an API key in one of the ways.
type Configure<'a> = &'a dyn Fn(&mut Command);

fn serve(home: &TempDir) -> Command {
    let mut command = support::clean_command(support::binary(), home.path());
    command
        .arg("serve")
        .env("EVENT_HISTORY_LISTEN", "127.0.0.1:0");
    command
}

fn key_file(home: &TempDir) -> PathBuf {
    home.path().join("event-history-data/api-key")
}

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).expect("it exists");
    metadata.permissions().mode() & 0o777
}

/// Waits for the service, and returns its URL.
fn url_of(running: &Running) -> String {
    let line = running.line(LINE_TIMEOUT);
    let url = line.trim_end().strip_prefix("listening on ");
    url.expect("an address").to_owned()
}

/// Runs a command that must refuse to start, and returns what it said.
fn refusal(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.output().expect("the binary runs");
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("no API key"), "{stderr}");
    stderr
}

#[test]
fn a_key_is_generated_once_and_kept_private() {
    let home = tempfile::tempdir().expect("a folder");
    let running = Running::spawn(&mut serve(&home));
    let url = url_of(&running);
    let text = fs::read_to_string(key_file(&home)).expect("the key file");
    let key = text.trim_end();
    assert_eq!((key.len(), mode(&key_file(&home))), (64, 0o600), "{text}");
    assert_eq!(mode(&home.path().join("event-history-data")), 0o700);
    assert_eq!(support::status_with_key(&url, key), "400");
    assert_eq!(
        support::status_with_key(&url, &key.replace(&key[..1], "x")),
        "401"
    );
    assert!(running.term().success());
    let log = running.stderr();
    assert!(log.contains("event-history-data/api-key"), "{log}");
    assert!(!log.contains(key), "the key is in the log: {log}");

    let running = Running::spawn(&mut serve(&home));
    assert_eq!(support::status_with_key(&url_of(&running), key), "400");
    assert!(running.term().success());
    assert_eq!(fs::read_to_string(key_file(&home)).expect("a file"), text);
}

#[test]
fn only_a_terminal_shows_the_key() {
    let home = tempfile::tempdir().expect("a folder");
    let on_terminal = |shell: &str| {
        let mut command = support::clean_command(support::python(), home.path());
        command.arg(support::script("terminal.py"));
        command
            .args(["sh", "-c", shell, "sh"])
            .arg(support::binary());
        Running::spawn(&mut command)
    };
    // Both streams are the terminal; then the log is a file; then the announcement is piped.
    let running = on_terminal("exec \"$1\" serve --listen 127.0.0.1:0 --log-level off");
    let url = url_of(&running);
    let key = fs::read_to_string(key_file(&home)).expect("the key file");
    let key = key.trim_end();
    let viewer = running.line(LINE_TIMEOUT);
    assert_eq!(viewer.trim(), format!("viewer         {url}/ui"));
    let reference = running.line(LINE_TIMEOUT);
    assert_eq!(reference.trim(), format!("API reference  {url}/docs"));
    let shown = running.line(LINE_TIMEOUT);
    assert!(shown.contains(key), "{shown}");
    assert!(shown.contains("event-history-data/api-key"), "{shown}");
    drop(running);

    let running =
        on_terminal("\"$1\" serve --listen 127.0.0.1:0 2>log | tee announced; echo ended");
    url_of(&running);
    drop(running);
    for file in ["log", "announced"] {
        let text = fs::read_to_string(home.path().join(file)).expect("a file");
        assert!(text.contains("listening"), "{file}: {text}");
        assert!(!text.contains(key), "{file}: {text}");
    }
    let announced = fs::read_to_string(home.path().join("announced")).expect("a file");
    assert_eq!(announced.lines().count(), 1, "{announced}");
}

#[test]
fn a_configured_key_is_the_only_one() {
    let home = tempfile::tempdir().expect("a folder");
    let settings = home.path().join("settings.toml");
    fs::write(&settings, "api_key = 'from-the-settings-file'\n").expect("settings");
    let ways: [(&str, Configure<'_>); 3] = [
        ("from-the-settings-file", &|command| {
            command.arg("--config").arg(&settings);
        }),
        ("from-the-environment", &|command| {
            command.env("EVENT_HISTORY_API_KEY", "from-the-environment");
        }),
        ("from-the-command-line", &|command| {
            command.args(["--api-key", "from-the-command-line"]);
        }),
    ];
    for (key, configure) in ways {
        let mut command = serve(&home);
        configure(&mut command);
        let running = Running::spawn(&mut command);
        assert_eq!(support::status_with_key(&url_of(&running), key), "400");
        assert!(running.term().success());
        assert!(!key_file(&home).exists(), "{key}");
    }
    // Now the folder is in use: its callers have a key, and a setting may have been lost.
    assert!(refusal(&mut serve(&home)).contains("in use"));
    assert!(!key_file(&home).exists());

    let home = tempfile::tempdir().expect("a folder");
    let running = Running::spawn(&mut serve(&home));
    url_of(&running);
    assert!(running.term().success());
    let generated = fs::read_to_string(key_file(&home)).expect("the key file");
    let configured = "configured-later-on";
    let mut command = serve(&home);
    let running = Running::spawn(command.env("EVENT_HISTORY_API_KEY", configured));
    let url = url_of(&running);
    assert_eq!(support::status_with_key(&url, configured), "400");
    assert_eq!(support::status_with_key(&url, generated.trim_end()), "401");
}

#[test]
fn no_key_is_generated_where_others_could_call() {
    let home = tempfile::tempdir().expect("a folder");
    let mut open = serve(&home);
    let said = refusal(open.args(["--listen", "0.0.0.0:0"]));
    assert!(said.contains("0.0.0.0 is not a loopback address"), "{said}");
    let mut replicas = serve(&home);
    let said = refusal(replicas.args(["--database", "clickhouse://127.0.0.1:9"]));
    assert!(said.contains("replicas"), "{said}");
    // All problems are reported at once.
    let mut several = serve(&home);
    let said = refusal(several.args(["--listen", "0.0.0.0:0", "--upload-url-ttl", "8d"]));
    assert!(said.contains("--upload-url-ttl"), "{said}");
    assert_eq!(
        fs::read_dir(home.path()).expect("the folder").count(),
        0,
        "something was written"
    );
}

#[test]
fn a_damaged_or_open_key_file_is_named() {
    let home = tempfile::tempdir().expect("a folder");
    let file = key_file(&home);
    fs::create_dir(file.parent().expect("a folder")).expect("a folder");
    for damaged in [
        "",
        "\n",
        "short",
        "two words of some length",
        "one-key-of-several\nand-another",
    ] {
        fs::write(&file, damaged).expect("a file");
        let said = refusal(&mut serve(&home));
        assert!(said.contains("api-key' is damaged"), "{damaged:?}: {said}");
        assert!(
            damaged.trim().is_empty() || !said.contains(damaged),
            "{said}"
        );
    }
    fs::write(&file, "a-key-of-the-operator").expect("a file");
    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("permissions");
    let running = Running::spawn(&mut serve(&home));
    assert_eq!(
        support::status_with_key(&url_of(&running), "a-key-of-the-operator"),
        "400"
    );
    assert!(running.term().success());
    let log = running.stderr();
    assert!(log.contains("chmod 600"), "{log}");
    assert!(!log.contains("a-key-of-the-operator"), "{log}");
}
