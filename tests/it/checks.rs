//! `event-history check` names what a deployment has wrong: each in one line, with the remedy.

use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::{self, SeaweedFs, Server, Storage};

/// What `check` printed, and whether it found nothing wrong.
pub(crate) struct Report {
    pub(crate) lines: Vec<String>,
    is_well: bool,
}

impl Report {
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().expect("the binary runs");
        let (stdout, stderr) = (
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr),
        );
        assert!(stderr.is_empty(), "{stderr}");
        assert!(matches!(status.code(), Some(0 | 1)), "{status}");
        Self {
            lines: stdout.lines().map(str::to_owned).collect(),
            is_well: status.success(),
        }
    }

    /// Asserts that exactly one line calls `subject` wrong, that it has all of `words` and a remedy,
    /// and that nothing else is called wrong.
    #[track_caller]
    pub(crate) fn only_wrong(&self, subject: &str, words: &[&str]) {
        let wrong: Vec<_> = self
            .lines
            .iter()
            .filter(|line| line.starts_with("wrong "))
            .collect();
        assert_eq!(wrong.len(), 1, "{:#?}", self.lines);
        let mut parts = wrong[0].split_whitespace();
        assert_eq!(parts.nth(1), Some(subject), "{:#?}", self.lines);
        let (_, remedy) = wrong[0].split_once("; remedy: ").expect("a remedy");
        assert!(!remedy.is_empty());
        for word in words {
            assert!(wrong[0].contains(word), "no '{word}' in: {}", wrong[0]);
        }
        assert!(!self.is_well, "the status says that all is well");
    }

    #[track_caller]
    pub(crate) fn has(&self, beginning: &str, word: &str) {
        let is_meant = |line: &String| line.starts_with(beginning) && line.contains(word);
        assert!(self.lines.iter().any(is_meant), "{:#?}", self.lines);
    }

    #[track_caller]
    pub(crate) fn is_well(&self) {
        assert!(self.is_well, "{:#?}", self.lines);
        assert!(
            !self.lines.iter().any(|line| line.starts_with("wrong ")),
            "{:#?}",
            self.lines
        );
    }
}

pub(crate) fn check(home: &TempDir) -> Command {
    with_program(
        support::binary().to_str().expect("a path that is text"),
        &[],
        home,
    )
}

fn with_program(program: &str, arguments: &[&str], home: &TempDir) -> Command {
    let mut command = support::clean_command(program, home.path());
    command
        .args(arguments)
        .arg("check")
        .env("EVENT_HISTORY_LISTEN", "127.0.0.1:0")
        .env("EVENT_HISTORY_API_KEY", "0123456789abcdef");
    command
}

fn on(storage: &Storage, mut command: Command) -> Command {
    command.envs(storage.settings());
    command
}

#[test]
fn embedded_defaults_are_well_and_stay_untouched() {
    let home = tempfile::tempdir().expect("a folder");
    Report::of(&mut check(&home)).is_well();
    assert_eq!(
        std::fs::read_dir(home.path()).expect("the folder").count(),
        0
    );
}

#[test]
fn a_running_service_is_well_and_goes_on() {
    let server = Server::start();
    let home = tempfile::tempdir().expect("a folder");
    let data = server.folder().join("data");
    let mut command = check(&home);
    command
        .arg("--database")
        .arg(format!("sqlite:{}", data.display()));
    command
        .arg("--files")
        .arg(format!("file:{}/files", data.display()));
    command.env(
        "EVENT_HISTORY_LISTEN",
        server.url().trim_start_matches("http://"),
    );
    let report = Report::of(&mut command);
    report.is_well();
    report.has("ok       listen", "a running service");
    assert!(!server.process().has_ended());
}

#[test]
fn an_address_that_cannot_be_listened_on_is_named() {
    let home = tempfile::tempdir().expect("a folder");
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address").to_string();
    let on = |address: &str| {
        let mut command = check(&home);
        Report::of(command.args(["--listen", address]))
    };
    // The other program accepts connections, if only by its backlog, and answers nothing.
    on(&address).only_wrong("listen", &[&address, "--listen"]);
    drop(other);
    let report = on(&address);
    report.is_well();
    report.has("ok       listen", &address);
    // A documentation address (RFC 5737), which no machine has.
    on("192.0.2.1:8080").only_wrong("listen", &["192.0.2.1:8080", "127.0.0.1"]);
}

#[test]
fn a_folder_that_takes_no_files_is_named() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("file");
    std::fs::write(&file, "in the way").expect("a file");
    let taken = file.display().to_string();
    // Whoever runs this may be root, whom permissions do not stop: `/proc` takes files of nobody.
    for (folder, word) in [
        (taken.as_str(), taken.as_str()),
        ("/proc/1/event-history", "/proc/1"),
    ] {
        let mut database = check(&home);
        database.arg("--database").arg(format!("sqlite:{folder}"));
        Report::of(&mut database).only_wrong("database", &[word, "--database"]);
        let mut files = check(&home);
        files.arg("--files").arg(format!("file:{folder}"));
        Report::of(&mut files).only_wrong("bucket", &[word, "--files"]);
    }
}

#[test]
fn a_missing_key_is_named_unless_serve_generates_one() {
    let home = tempfile::tempdir().expect("a folder");
    let check = || {
        let mut command = check(&home);
        command.env_remove("EVENT_HISTORY_API_KEY");
        command
    };
    let report = Report::of(&mut check());
    report.is_well();
    report.has("ok       settings", "event-history-data/api-key");
    assert!(!home.path().join("event-history-data").exists());

    let mut command = check();
    command.args(["--listen", "0.0.0.0:0"]);
    Report::of(&mut command).only_wrong("settings", &["no API key", "EVENT_HISTORY_API_KEY"]);

    let folder = home.path().join("event-history-data");
    std::fs::create_dir(&folder).expect("a folder");
    let file = folder.join("api-key");
    std::fs::write(&file, "0123456789abcdef\n").expect("a key");
    let report = Report::of(&mut check());
    report.is_well();
    report.has("warning  settings", "chmod 600 '");
    std::fs::write(&file, "short\n").expect("a key");
    Report::of(&mut check()).only_wrong("settings", &["api-key' is damaged"]);
}

#[test]
fn missing_credentials_are_named() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = check(&home);
    command
        .args([
            "--files",
            "s3://some-bucket?region=eu-west-2&endpoint=http://127.0.0.1:9",
        ])
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let report = Report::of(&mut command);
    assert!(!report.is_well);
    let named = |subject: &str, word: &str| {
        let line = |line: &&String| line.starts_with(&format!("wrong    {subject} "));
        report
            .lines
            .iter()
            .find(line)
            .is_some_and(|line| line.contains(word))
    };
    assert!(named("credentials", "environment"), "{:#?}", report.lines);
    assert!(named("bucket", "127.0.0.1:9"), "{:#?}", report.lines);
}

#[tokio::test]
async fn each_fault_of_a_bucket_is_named_on_seaweedfs() {
    let seaweedfs = SeaweedFs::start().await;
    let storage = seaweedfs.storage();
    let home = tempfile::tempdir().expect("a folder");
    Report::of(&mut on(storage, check(&home))).is_well();

    let missing = Storage {
        bucket: "no-such-bucket".to_owned(),
        ..storage.clone()
    };
    let report = Report::of(&mut on(&missing, check(&home)));
    report.only_wrong("bucket", &["no-such-bucket"]);

    let stranger = Storage {
        access_key_id: "STRANGER".to_owned(),
        ..storage.clone()
    };
    Report::of(&mut on(&stranger, check(&home))).only_wrong("credentials", &["STRANGER"]);
    let forger = Storage {
        secret_access_key: "wrong".to_owned(),
        ..storage.clone()
    };
    Report::of(&mut on(&forger, check(&home))).only_wrong("credentials", &[]);

    let binary = support::binary();
    let binary = binary.to_str().expect("a path that is text");
    for offset in ["+1h", "-1h"] {
        let command = with_program("faketime", &["-f", offset, binary], &home);
        let direction = if offset == "+1h" { "ahead" } else { "behind" };
        Report::of(&mut on(storage, command)).only_wrong("clock", &[direction, "NTP"]);
    }

    allow_only(storage, "https://elsewhere.example", "'GET', 'PUT'", "");
    let mut command = on(storage, check(&home));
    command.args(["--cors-origins", "https://elsewhere.example"]);
    Report::of(&mut command).only_wrong("cors", &["POST", "https://elsewhere.example"]);
    allow_only(storage, "https://elsewhere.example", ALL_METHODS, "");
    let mut command = on(storage, check(&home));
    command.args(["--cors-origins", "https://elsewhere.example"]);
    Report::of(&mut command).has("warning  cors ", "ETag");

    allow_only(storage, "https://elsewhere.example", ALL_METHODS, "'ETag'");
    let mut command = on(storage, check(&home));
    command.args(["--cors-origins", "https://app.example"]);
    Report::of(&mut command).only_wrong("cors", &["https://app.example"]);
    let mut command = on(storage, check(&home));
    command.args(["--cors-origins", "https://elsewhere.example"]);
    let report = Report::of(&mut command);
    report.is_well();
    report.has("ok       cors ", "upload and download");
    report.has("warning  versions ", "the URL or form that a file came by");
    report.has(
        "warning  versions ",
        "put-bucket-versioning --bucket cluster-1-",
    );
    report.has("warning  versions ", "--upload-once true");
    let mut command = on(storage, check(&home));
    command.args(["--cors-origins", "https://elsewhere.example"]);
    let report = Report::of(command.args(["--upload-once", "true"]));
    report.is_well();
    report.has("ok       cors ", "upload and download");
    report.has("warning  versions ", "the form that a file came by");
    // Where nobody spoke of browsers it is a warning.
    let report = Report::of(&mut on(storage, check(&home)));
    report.is_well();
    report.has("warning  cors ", "");

    let locked = seaweedfs.locked_bucket().await;
    let report = Report::of(&mut on(&locked, check(&home)));
    report.has("ok       versions ", "has Object Lock");
}

const ALL_METHODS: &str = "'GET', 'PUT', 'POST'";

/// Puts a CORS rule on the bucket; methods and exposed headers are lists as Python has them.
fn allow_only(storage: &Storage, origin: &str, methods: &str, exposed: &str) {
    let script = format!(
        "import boto3, sys
endpoint, region, key, secret, bucket, origin = sys.argv[1:]
s3 = boto3.client('s3', endpoint_url=endpoint, region_name=region, aws_access_key_id=key,
                  aws_secret_access_key=secret)
rule = {{'AllowedOrigins': [origin], 'AllowedMethods': [{methods}], 'AllowedHeaders': ['*'],
        'ExposeHeaders': [{exposed}]}}
s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={{'CORSRules': [rule]}})"
    );
    let Storage {
        endpoint,
        bucket,
        region,
        access_key_id,
        secret_access_key,
    } = storage;
    support::run(Command::new(support::python()).args([
        "-c",
        &script,
        endpoint,
        region,
        access_key_id,
        secret_access_key,
        bucket,
        origin,
    ]));
}
