//! Settings that do not go together, and listening without TLS.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::authority::Authority;
use crate::support::{self, Running};

const WARNING: &str = "not encrypted";

fn command(name: &str, folder: &tempfile::TempDir) -> Command {
    let mut command = support::clean_command(support::binary(), folder.path());
    command
        .arg(name)
        .env("EVENT_HISTORY_API_KEY", "a-key-of-the-tests-only")
        .env("EVENT_HISTORY_LISTEN", "127.0.0.1:0");
    command
}

#[test]
fn a_public_address_without_tls_is_warned_about() {
    let authority = Authority::new();
    let pair = authority.issue("server", "ec:P-256");
    let [certificate, key] = [&pair.certificate, &pair.key].map(|it| it.display().to_string());
    for (is_warned, arguments) in [
        (true, vec!["--listen", "0.0.0.0:0"]),
        (true, vec!["--listen", "[::]:0"]),
        (false, vec!["--listen", "127.0.0.1:0"]),
        (
            false,
            vec!["--listen", ":0", "--public-url", "https://history.example"],
        ),
        (
            false,
            vec![
                "--listen",
                ":0",
                "--tls-certificate",
                &certificate,
                "--tls-key",
                &key,
            ],
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let running = Running::spawn(command("serve", &folder).args(&arguments));
        running.line(Duration::from_secs(30));
        running.term();
        let log = running.stderr();
        assert_eq!(log.contains(WARNING), is_warned, "{arguments:?}: {log}");
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let authority = Authority::new();
    let (pair, other) = (
        authority.issue("server", "ec:P-256"),
        authority.issue("other", "ec:P-256"),
    );
    let text = |path: &std::path::Path| path.display().to_string();
    let empty = authority.root().with_file_name("empty.pem");
    fs::write(&empty, "").expect("written");
    let (good, key, empty) = (text(&pair.certificate), text(&pair.key), text(&empty));
    let missing = format!("{good}.missing");
    let other_key = text(&other.key);
    for (settings, words) in [
        (vec![("CERTIFICATE", &good)], ["--tls-key", "missing"]),
        (vec![("KEY", &key)], ["--tls-certificate", "missing"]),
        (vec![("CLIENT_CA", &good)], ["--tls-certificate", "missing"]),
        (
            vec![("CERTIFICATE", &missing), ("KEY", &key)],
            [&missing, "No such file"],
        ),
        (
            vec![("CERTIFICATE", &good), ("KEY", &other_key)],
            [&other_key, "cannot be used"],
        ),
        (
            vec![("CERTIFICATE", &key), ("KEY", &key)],
            [&key, "certificate"],
        ),
        (
            vec![("CERTIFICATE", &good), ("KEY", &good)],
            [&good, "private key"],
        ),
        (
            vec![("CERTIFICATE", &good), ("KEY", &key), ("CLIENT_CA", &empty)],
            [&empty, "certificate"],
        ),
    ] {
        for name in ["serve", "check"] {
            let folder = tempfile::tempdir().expect("a folder");
            let mut command = command(name, &folder);
            for (setting, value) in &settings {
                command.env(format!("EVENT_HISTORY_TLS_{setting}"), value);
            }
            let output = command.output().expect("the binary runs");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            assert!(!output.status.success(), "{name} {settings:?}: {said}");
            let all = words.iter().all(|word| said.contains(*word));
            assert!(all, "{name}: {words:?} in {said}");
        }
    }
}
