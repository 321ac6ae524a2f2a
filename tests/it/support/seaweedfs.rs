//! A real S3 server: SeaweedFS, from the virtual environment that `tests/run` makes.

use std::time::Duration;

use http::StatusCode;
use rusty_s3::S3Action;
use serde_json::json;
use tempfile::TempDir;

use super::{Running, Storage};

/// Measured: 3 to 5 s on two idle cores.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// Enough for a probe: nothing that a test hands out is signed here.
const PROBE_LIFE: Duration = Duration::from_mins(1);

const ACCESS_KEY_ID: &str = "EXAMPLEKEYOFSEAWEEDFS";
const SECRET_ACCESS_KEY: &str = "example-secret-of-seaweedfs-only";

/// SeaweedFS with one bucket, on ports and a folder of its own. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct SeaweedFs {
    process: Running,
    storage: Storage,
    /// Removed after the process that writes into it: fields drop in the order they stand in.
    _folder: TempDir,
}

impl SeaweedFs {
    /// Starts a server and returns when it has stored an object in its bucket.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [
            master,
            master_grpc,
            volume,
            volume_grpc,
            filer,
            filer_grpc,
            s3,
            s3_grpc,
        ] = super::free_ports();
        let identities = json!({"identities": [{
            "name": "svc",
            "credentials": [{"accessKey": ACCESS_KEY_ID, "secretKey": SECRET_ACCESS_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }]});
        std::fs::write(folder.path().join("s3.json"), identities.to_string())
            .expect("the folder is writable");

        let mut command = super::clean_command(super::tool("weed"), folder.path());
        command.args([
            "-logtostderr",
            "server",
            "-dir=.",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
        ]);
        command.args(["-master.telemetry=false", "-master.volumeSizeLimitMB=1024"]);
        command.args(["-volume.max=30", "-filer", "-s3", "-s3.config=s3.json"]);
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false"]);
        for (name, port) in [
            ("master.port", master),
            ("master.port.grpc", master_grpc),
            ("volume.port", volume),
            ("volume.port.grpc", volume_grpc),
            ("filer.port", filer),
            ("filer.port.grpc", filer_grpc),
            ("s3.port", s3),
            ("s3.port.grpc", s3_grpc),
        ] {
            command.arg(format!("-{name}={port}"));
        }
        let storage = Storage {
            endpoint: format!("http://127.0.0.1:{s3}"),
            bucket: "cluster-1-namespace-2".to_owned(),
            region: "eu-west-2".to_owned(),
            access_key_id: ACCESS_KEY_ID.to_owned(),
            secret_access_key: SECRET_ACCESS_KEY.to_owned(),
        };
        let seaweedfs = Self {
            process: Running::spawn(&mut command),
            storage,
            _folder: folder,
        };
        seaweedfs.wait_until_ready().await;
        seaweedfs
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Makes another bucket, one with versions and Object Lock.
    pub(crate) async fn locked_bucket(&self) -> Storage {
        self.locked_bucket_called("cluster-1-namespace-3").await
    }

    /// Makes a bucket of this name.
    pub(crate) async fn bucket_called(&self, name: &str) -> Storage {
        let storage = Storage {
            bucket: name.to_owned(),
            ..self.storage.clone()
        };
        let (bucket, credentials) = (storage.bucket(), storage.credentials());
        let create = bucket.create_bucket(&credentials).sign(PROBE_LIFE);
        let create = super::http_client().put(create);
        super::expect(create, StatusCode::OK).await;
        storage
    }

    /// Makes a bucket of this name with versions and Object Lock.
    pub(crate) async fn locked_bucket_called(&self, name: &str) -> Storage {
        let storage = Storage {
            bucket: name.to_owned(),
            ..self.storage.clone()
        };
        let (bucket, credentials) = (storage.bucket(), storage.credentials());
        let header = ("x-amz-bucket-object-lock-enabled", "true");
        let mut create = bucket.create_bucket(&credentials);
        create.headers_mut().insert(header.0, header.1);
        let create = super::http_client()
            .put(create.sign(PROBE_LIFE))
            .header(header.0, header.1);
        super::expect(create, StatusCode::OK).await;
        storage
    }

    /// Removes a bucket with all that is in it.
    pub(crate) async fn remove_bucket(&self, name: &str) {
        let storage = Storage {
            bucket: name.to_owned(),
            ..self.storage.clone()
        };
        let (bucket, credentials) = (storage.bucket(), storage.credentials());
        let delete = bucket.delete_bucket(&credentials).sign(PROBE_LIFE);
        let delete = super::http_client().delete(delete);
        super::expect(delete, StatusCode::NO_CONTENT).await;
    }

    /// The gateway answers before the first volume can be written, so only a stored object counts.
    async fn wait_until_ready(&self) {
        let Self {
            process,
            storage,
            _folder,
        } = self;
        let (bucket, credentials) = (storage.bucket(), storage.credentials());
        let client = super::http_client();
        super::wait_for("SeaweedFS to store an object", START_TIMEOUT, async || {
            assert!(
                !process.has_ended(),
                "SeaweedFS ended:\n{}",
                process.stderr()
            );
            let create = bucket.create_bucket(&credentials).sign(PROBE_LIFE);
            client.put(create).send().await.ok()?;
            let put = bucket
                .put_object(Some(&credentials), "probe")
                .sign(PROBE_LIFE);
            let response = client.put(put).body("probe").send().await.ok()?;
            response.status().is_success().then_some(())
        })
        .await;
    }
}
