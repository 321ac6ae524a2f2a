//! A real EventBridge, as far as one runs without AWS: MiniStack, from a virtual environment of its own
//! that `tests/run` makes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use http::StatusCode;
use tempfile::TempDir;

use super::Running;

/// Measured: under 1 s on two idle cores.
const START_TIMEOUT: Duration = Duration::from_mins(1);

const REGION: &str = "eu-west-2";
const ACCESS_KEY_ID: &str = "EXAMPLEKEYOFMINISTACK";
const SECRET_ACCESS_KEY: &str = "example-secret-of-ministack-only";

/// MiniStack on a port and a folder of its own. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct MiniStack {
    process: Running,
    endpoint: String,
    /// Removed after the process that writes into it: fields drop in the order they stand in.
    folder: TempDir,
}

impl MiniStack {
    /// Starts it and returns when it answers.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [port] = super::free_ports();
        let mut command = super::clean_command(program(), folder.path());
        command
            .env("TMPDIR", folder.path())
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("SERVICES", "events,iam,lambda,sqs,sts")
            // Signatures are checked, as AWS does.
            .env("AUTH", "true")
            // Both listen on every address otherwise.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .env("MINISTACK_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
        let ministack = Self {
            process: Running::spawn(&mut command),
            endpoint: format!("http://127.0.0.1:{port}"),
            folder,
        };
        ministack.wait_until_ready().await;
        ministack
    }

    /// Returns the folder that goes with it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns a command that runs a script of `tests/it/python` on it.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = self.client(super::python());
        command.arg(super::script(name));
        command
    }

    /// Returns a command that finds it and its key pair where every AWS tool looks.
    pub(crate) fn client(&self, program: impl AsRef<Path>) -> Command {
        let mut command = super::clean_command(program, self.folder());
        command
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// Returns the end of its log: what became of each delivery.
    pub(crate) fn log(&self) -> String {
        self.process.stderr()
    }

    async fn wait_until_ready(&self) {
        let client = super::http_client();
        let health = format!("{}/_ministack/health", self.endpoint);
        super::wait_for("MiniStack to answer", START_TIMEOUT, async || {
            assert!(
                !self.process.has_ended(),
                "MiniStack ended:\n{}",
                self.log()
            );
            let response = client.get(&health).send().await.ok()?;
            (response.status() == StatusCode::OK).then_some(())
        })
        .await;
    }
}

fn program() -> PathBuf {
    let program = super::environment("EVENT_HISTORY_TEST_MINISTACK").map_or_else(
        || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("target/test-tools/ministack-venv/bin/ministack")
        },
        PathBuf::from,
    );
    assert!(
        program.exists(),
        "{} is missing: tests/run installs what the tests need",
        program.display()
    );
    program
}
