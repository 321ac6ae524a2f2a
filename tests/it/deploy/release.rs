//! What a release consists of, and names in `deploy/` that must not clash with settings.

use std::fs;
use std::path::Path;

use crate::support;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn an_archive_holds_the_binary_completions_and_pages() {
    let home = tempfile::tempdir().expect("a folder");
    let pack = |folder: &str| {
        let mut command = support::clean_command(root().join("deploy/pack.sh"), root());
        command.arg(support::binary());
        command
            .args(["x86_64-unknown-linux-gnu"])
            .arg(home.path().join(folder));
        support::run(&mut command);
        let name = concat!(
            "event-history-",
            env!("CARGO_PKG_VERSION"),
            "-x86_64-unknown-linux-gnu.tar.gz"
        );
        (home.path().join(folder), name)
    };
    let (folder, name) = pack("one");
    let mut check = support::clean_command("sha256sum", &folder);
    support::run(check.args(["--check", &format!("{name}.sha256")]));
    let mut list = support::clean_command("tar", &folder);
    let listed = support::run(list.args(["--list", "--file", name]));
    for file in [
        "/event-history",
        "/LICENSE",
        "/completions/event-history.bash",
        "/man/event-history.1",
        "/man/event-history-serve.1",
    ] {
        assert!(
            listed.lines().any(|line| line.ends_with(file)),
            "{file}: {listed}"
        );
    }
    let (again, _) = pack("two");
    let read = |folder: &Path| fs::read(folder.join(name)).expect("an archive");
    assert!(
        read(&folder) == read(&again),
        "the same input gives another archive"
    );
}

#[test]
fn compose_asks_for_no_variable_that_the_binary_refuses() {
    let compose = fs::read_to_string(root().join("deploy/compose/compose.yaml")).expect("a file");
    let names = compose.split("${").skip(1);
    let names: Vec<_> = names
        .filter_map(|rest| rest.split([':', '}', '-', '?']).next())
        .filter(|name| name.starts_with("EVENT_HISTORY_"))
        .collect();
    assert!(names.contains(&"EVENT_HISTORY_API_KEY"), "{names:?}");
    let home = tempfile::tempdir().expect("a folder");
    let mut check = support::clean_command(support::binary(), home.path());
    check.args(["check", "--listen", "127.0.0.1:0"]);
    for name in names {
        check.env(name, "http://0123456789abcdef");
    }
    support::run(&mut check);
}
