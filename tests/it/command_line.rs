//! What the command line prints about itself, and how output depends on where it goes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::{self, Running};

const LINE_TIMEOUT: Duration = Duration::from_secs(30);
const ESCAPE: char = '\u{1b}';

fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = support::clean_command(support::binary(), home);
    command.args(arguments);
    command
}

#[test]
fn shells_accept_the_completions() {
    let home = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = support::run(&mut command(home.path(), &["completions", shell]));
        for word in ["event-history", "serve", "require-checksum"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
    let script = support::run(&mut command(home.path(), &["completions", "bash"]));
    fs::write(home.path().join("completions"), script).expect("written");
    let complete = "source completions && COMP_WORDS=(event-history dow) && COMP_CWORD=1 && \
                    _event__history event-history dow event-history && echo \"${COMPREPLY[@]}\"";
    let mut bash = support::clean_command("bash", home.path());
    let completed = support::run(bash.args(["-c", complete]));
    assert_eq!(completed, "download\n");
}

#[test]
fn every_command_has_a_manual_page() {
    let home = tempfile::tempdir().expect("a folder");
    let help = support::run(&mut command(home.path(), &["--help"]));
    let printed = support::run(&mut command(home.path(), &["man", "new/man1"]));
    assert_eq!(printed, "");
    let page = |name: &str| {
        let page = fs::read_to_string(home.path().join("new/man1").join(name));
        page.unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let (_, commands) = help.split_once("Commands:\n").expect("a list of commands");
    let names = commands
        .lines()
        .map_while(|line| line.split_whitespace().next());
    let names: Vec<_> = names.filter(|name| *name != "help").collect();
    assert!(names.len() > 10, "{names:?}");
    for name in &names {
        assert!(
            page(&format!("event-history-{name}.1")).starts_with(".ie"),
            "{name}"
        );
    }
    assert!(page("event-history.1").contains("event\\-history"));
    assert!(page("event-history-serve.1").contains("EVENT_HISTORY_LISTEN"));
    assert!(page("event-history-files-sweep.1").contains("\\-\\-older\\-than"));
}

#[test]
fn only_terminals_get_escapes_and_only_if_they_want_them() {
    let home = tempfile::tempdir().expect("a folder");
    let log_of = |setup: &str, redirection: &str| {
        let script =
            format!("{setup} exec \"$1\" serve --log-format text --log-level info {redirection}");
        let mut command = support::clean_command(support::python(), home.path());
        command
            .arg(support::script("terminal.py"))
            .args(["sh", "-c", &script, "sh"])
            .arg(support::binary())
            .env("EVENT_HISTORY_LISTEN", "127.0.0.1:0")
            .env("TERM", "xterm");
        let running = Running::spawn(&mut command);
        let mut shown = String::new();
        while !shown.contains("API reference") {
            shown += &running.line(LINE_TIMEOUT);
        }
        drop(running);
        match fs::read_to_string(home.path().join("log")) {
            Ok(log) if !redirection.is_empty() => log,
            _ => shown,
        }
    };
    for (setup, redirection, has_escapes) in [
        ("", "", true),
        ("", "2>log", false),
        ("NO_COLOR=1", "", false),
        ("NO_COLOR=", "", true),
        ("TERM=dumb", "", false),
    ] {
        let log = log_of(setup, redirection);
        assert!(
            log.contains("generated one") || log.contains("found one"),
            "{log}"
        );
        assert_eq!(
            log.contains(ESCAPE),
            has_escapes,
            "{setup} {redirection}: {log:?}"
        );
    }
}

#[test]
fn booleans_need_no_value_and_addresses_may_be_names() {
    let home = tempfile::tempdir().expect("a folder");
    let arguments = [
        "serve",
        "--require-checksum",
        "--max-file-size",
        "10MB",
        "--upload-once",
    ];
    let mut serve = command(home.path(), &arguments);
    let running = Running::spawn(serve.args(["--listen", "localhost:0"]));
    let line = running.line(LINE_TIMEOUT);
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    assert!(running.term().success());
    let mut check = command(
        home.path(),
        &["check", "--require-checksum", "false", "--listen", ":0"],
    );
    check.env("EVENT_HISTORY_API_KEY", "0123456789abcdef");
    let printed = support::run(&mut check);
    assert!(printed.contains("can listen on 0.0.0.0:0"), "{printed}");
}

/// Runs the build script for a package in `folder`, and returns the version that it gives the program.
fn version_of_build(folder: &Path, profile: &str, told: &str) -> String {
    static SCRIPT: std::sync::OnceLock<(tempfile::TempDir, PathBuf)> = std::sync::OnceLock::new();
    let (_, script) = SCRIPT.get_or_init(|| {
        let home = tempfile::tempdir().expect("a folder");
        let script = home.path().join("build-script");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
        support::run(
            Command::new("rustc")
                .args(["--edition", "2024", "-o"])
                .arg(&script)
                .arg(source),
        );
        (home, script)
    });
    let output_folder = tempfile::tempdir().expect("a folder");
    let mut command = support::clean_command(script, folder);
    let output = support::run(
        command
            .env("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR"))
            .env("OUT_DIR", output_folder.path())
            .env("CARGO_PKG_VERSION", "1.2.3")
            .env("PROFILE", profile)
            .env("BUILD_REVISION", told),
    );
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("cargo:rustc-env=BUILD_VERSION="));
    line.expect("a version").to_owned()
}

#[test]
fn the_version_names_the_revision_of_a_checkout() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path();
    assert_eq!(version_of_build(folder, "release", ""), "1.2.3");
    assert_eq!(
        version_of_build(folder, "release", "v7-abc"),
        "1.2.3 (v7-abc)"
    );
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b.example"];
        let mut git = support::clean_command("git", folder);
        support::run(git.args(identity).args(arguments))
    };
    git(&["init", "--quiet"]);
    assert_eq!(
        version_of_build(folder, "release", ""),
        "1.2.3",
        "no commit yet"
    );
    fs::create_dir(folder.join("src")).expect("a folder");
    fs::write(folder.join("src/main.rs"), "one").expect("written");
    fs::write(folder.join("notes.md"), "one").expect("written");
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "a commit"]);
    let revision = git(&["rev-parse", "--short=12", "HEAD"])
        .trim_end()
        .to_owned();
    let expected = format!("1.2.3 ({revision})");
    assert_eq!(version_of_build(folder, "release", ""), expected);
    assert_eq!(version_of_build(folder, "debug", ""), "1.2.3");
    fs::write(folder.join("notes.md"), "two").expect("written");
    assert_eq!(
        version_of_build(folder, "release", ""),
        expected,
        "not a source"
    );
    fs::write(folder.join("src/main.rs"), "two").expect("written");
    let modified = format!("1.2.3 ({revision}, modified)");
    assert_eq!(version_of_build(folder, "release", ""), modified);
    // An archive that is unpacked inside another project's checkout.
    assert_eq!(
        version_of_build(&folder.join("src"), "release", ""),
        "1.2.3"
    );
}
