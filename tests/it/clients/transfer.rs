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
    AwsJs,
    Rclone,
    S3cmd,
}

impl Client {
    /// Those that sign requests themselves.
    pub(super) const WITH_KEY_PAIR: [Self; 6] = [
        Self::Boto3,
        Self::Minio,
        Self::Aws,
        Self::AwsJs,
        Self::Rclone,
        Self::S3cmd,
    ];

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
            Self::Aws | Self::AwsJs | Self::Rclone | Self::S3cmd => {
                panic!("{self:?} has no command that takes a URL")
            }
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
        self.move_file(action, storage, None, key, file, home);
    }

    /// As [`Client::by_key_pair`], with a certificate to trust.
    pub(super) fn move_file(
        self,
        action: &str,
        storage: &Storage,
        trust: Option<&Path>,
        key: &str,
        file: &Path,
        home: &Path,
    ) {
        let trusting = |mut command: Command| {
            if let Some(certificate) = trust {
                command
                    .env("AWS_CA_BUNDLE", certificate)
                    .env("SSL_CERT_FILE", certificate)
                    .env("NODE_EXTRA_CA_CERTS", certificate);
            }
            support::run(&mut command);
        };
        let is_upload = action == "put-object";
        let script = match self {
            Self::Curl => panic!("curl signs no S3 request by itself here"),
            Self::Boto3 => "boto3_client.py",
            Self::Minio => "minio_client.py",
            Self::Aws => {
                let object = format!("s3://{}/{key}", storage.bucket);
                let file = file.to_str().expect("a path of text");
                let mut command = with_key_pair(support::tool("aws"), storage, home);
                if is_upload {
                    command.args(["s3", "cp", "--no-progress", file, &object]);
                } else {
                    command.args(["s3", "cp", "--no-progress", &object, file]);
                }
                return trusting(command);
            }
            Self::AwsJs => {
                let mut command = with_key_pair("node", storage, home);
                command
                    .env("NODE_PATH", support::node_modules())
                    .arg(support::script("aws_sdk.cjs"))
                    .args([action, &storage.bucket, key])
                    .arg(file);
                return trusting(command);
            }
            Self::Rclone => return trusting(rclone(is_upload, storage, key, file, home)),
            Self::S3cmd => return trusting(s3cmd(is_upload, storage, trust, key, file, home)),
        };
        let mut command = with_key_pair(support::python(), storage, home);
        command.arg(support::script(script));
        command.args([action, &storage.bucket, key]).arg(file);
        trusting(command);
    }
}

fn rclone(is_upload: bool, storage: &Storage, key: &str, file: &Path, home: &Path) -> Command {
    let mut command = with_key_pair(support::tool("rclone"), storage, home);
    let object = format!(
        ":s3,provider=Other,env_auth=true,force_path_style=true,region={},endpoint='{}':{}/{key}",
        storage.region, storage.endpoint, storage.bucket
    );
    // What is larger than this goes up in parts.
    command.args([
        "copyto",
        "--s3-upload-cutoff",
        "8M",
        "--s3-chunk-size",
        "5M",
    ]);
    command.args([
        "--s3-no-check-bucket",
        "--retries",
        "1",
        "--config",
        "/dev/null",
    ]);
    if is_upload {
        command.arg(file).arg(object);
    } else {
        command.arg(object).arg(file);
    }
    command
}

fn s3cmd(
    is_upload: bool,
    storage: &Storage,
    trust: Option<&Path>,
    key: &str,
    file: &Path,
    home: &Path,
) -> Command {
    let host = storage.endpoint.split_once("://").map_or("", |it| it.1);
    let object = format!("s3://{}/{key}", storage.bucket);
    let config = home.join("s3cfg");
    std::fs::write(&config, "[default]\n").expect("a writable folder");
    let mut command = with_key_pair(support::tool("s3cmd"), storage, home);
    command.arg("--config").arg(config);
    command.args([
        "--host",
        host,
        "--host-bucket",
        host,
        "--no-progress",
        "--force",
    ]);
    command.args([
        "--region",
        &storage.region,
        "--multipart-chunk-size-mb",
        "5",
    ]);
    match trust {
        Some(certificate) => command.arg("--ca-certs").arg(certificate),
        None => command.arg("--no-ssl"),
    };
    if is_upload {
        command.arg("put").arg(file).arg(object);
    } else {
        command.arg("get").arg(object).arg(file);
    }
    command
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
