//! The commands with which each client transfers a file.

use std::path::Path;
use std::process::Command;

use crate::support::{self, Storage};

/// The time limit for one small file, on a machine that is busy with other tests.
const TRANSFER_TIMEOUT_S: &str = "60";

/// A way to move a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Client {
    Curl,
    Boto3,
    Minio,
    Aws,
}

impl Client {
    /// Runs the client on nothing but a URL: `put-url` sends the file, `get-url` writes it.
    pub(super) fn by_url(self, action: &str, url: &str, file: &Path, home: &Path) {
        let script = match self {
            Self::Curl => {
                let direction = if action == "put-url" {
                    "--upload-file"
                } else {
                    "--output"
                };
                let mut command = support::clean_command("curl", home);
                command.args(["--fail", "--silent", "--show-error"]);
                command.args(["--max-time", TRANSFER_TIMEOUT_S, direction]);
                support::run(command.arg(file).arg(url));
                return;
            }
            Self::Boto3 => "boto3_client.py",
            Self::Minio => "minio_client.py",
            Self::Aws => panic!("the aws command line has no command that takes a URL"),
        };
        let mut command = support::clean_command(support::python(), home);
        support::run(
            command
                .arg(support::script(script))
                .args([action, url])
                .arg(file),
        );
    }

    /// Runs the client as an S3 client: `put-object` sends the file, `get-object` writes it.
    pub(super) fn by_key_pair(
        self,
        action: &str,
        storage: &Storage,
        key: &str,
        file: &Path,
        home: &Path,
    ) {
        let script = match self {
            Self::Curl => panic!("curl signs no S3 request by itself here"),
            Self::Boto3 => "boto3_client.py",
            Self::Minio => "minio_client.py",
            Self::Aws => {
                let object = format!("s3://{}/{key}", storage.bucket);
                let file = file.to_str().expect("a path of text");
                let mut command = with_key_pair(support::tool("aws"), storage, home);
                match action {
                    "put-object" => command.args(["s3", "cp", "--no-progress", file, &object]),
                    _ => command.args(["s3", "cp", "--no-progress", &object, file]),
                };
                support::run(&mut command);
                return;
            }
        };
        let mut command = with_key_pair(support::python(), storage, home);
        command.arg(support::script(script));
        support::run(command.args([action, &storage.bucket, key]).arg(file));
    }
}

/// Returns a command that finds the storage and its key pair where every AWS tool looks.
pub(super) fn with_key_pair(program: impl AsRef<Path>, storage: &Storage, home: &Path) -> Command {
    let mut command = support::clean_command(program, home);
    command
        .env("AWS_ENDPOINT_URL_S3", &storage.endpoint)
        .env("AWS_DEFAULT_REGION", &storage.region)
        .env("AWS_ACCESS_KEY_ID", &storage.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &storage.secret_access_key)
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}
