//! A real ClickHouse: the engine that `tests/run` installs, behind its own HTTP interface.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::TempDir;

use super::Running;

/// Measured: under 1 s on two idle cores.
const START_TIMEOUT: Duration = Duration::from_mins(1);

const MORE_THAN_ANY_DISK_BYTES: u64 = 1_000_000_000_000_000;

/// Somebody with a name and a password.
pub(crate) type User = (&'static str, &'static str);

/// ClickHouse on a port and a folder of its own, some 250 MB of memory. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct ClickHouse {
    process: Running,
    port: u16,
    config: Option<PathBuf>,
    /// Whom [`ClickHouse::query`] asks as.
    user: Option<User>,
    client: reqwest::Client,
    /// Removed after the process that writes into it: fields drop in the order they stand in.
    folder: TempDir,
}

impl ClickHouse {
    /// A user of [`ClickHouse::start_guarded`] who may do everything.
    pub(crate) const WRITER: User = ("writer", "p:w@/?#%20é");
    /// One who may read and nothing else.
    pub(crate) const READER: User = ("reader", "reads alone");
    /// One who may read and write what is there, and make nothing.
    pub(crate) const CLERK: User = ("clerk", "files-what-comes");

    /// Starts an engine that lets everybody in, and returns when it answers.
    pub(crate) fn start() -> Self {
        Self::launch(None, None)
    }

    /// Starts an engine that knows these three alone, and gives all queries together `memory_bytes`.
    pub(crate) fn start_guarded(memory_bytes: u64) -> Self {
        Self::launch(Some(memory_bytes), Some(Self::WRITER))
    }

    /// Starts an engine with a disk `backups` for BACKUP.
    pub(crate) fn start_with_backups() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("config.xml");
        let config = backups_config(&folder.path().join("backups"), &path);
        std::fs::write(&path, config).expect("a writable folder");
        Self::launch_in(folder, Some(path), None)
    }

    fn launch(guarded_memory_bytes: Option<u64>, user: Option<User>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = guarded_memory_bytes.map(|memory_bytes| {
            let path = folder.path().join("config.xml");
            std::fs::write(&path, guarded_config(memory_bytes, &path)).expect("a writable folder");
            path
        });
        Self::launch_in(folder, config, user)
    }

    fn launch_in(folder: TempDir, config: Option<PathBuf>, user: Option<User>) -> Self {
        let [port] = super::free_ports();
        Self {
            process: spawn(folder.path(), port, config.as_deref()),
            port,
            config,
            user,
            client: super::http_client(),
            folder,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Returns the setting with which our binary keeps its events here.
    pub(crate) fn url(&self) -> String {
        self.url_at(self.address())
    }

    /// Returns that setting for an address that leads here, a proxy's say.
    pub(crate) fn url_at(&self, address: SocketAddr) -> String {
        match self.user {
            None => format!("clickhouse://{address}"),
            Some(user) => Self::url_of(user, address),
        }
    }

    pub(crate) fn url_of((name, password): User, address: SocketAddr) -> String {
        // `Url` would leave a `%` as it is.
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        format!(
            "clickhouse://{}:{}@{address}",
            encoded(name),
            encoded(password)
        )
    }

    /// Returns the folder in which it keeps everything.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn process(&self) -> &Running {
        &self.process
    }

    /// Ends the engine as a power cut would.
    pub(crate) fn kill(&self) {
        self.process.kill();
    }

    /// Ends it as an operator does.
    pub(crate) fn stop(&self) -> ExitStatus {
        self.process.term()
    }

    /// Starts it again after either, on the same folder and the same port.
    pub(crate) fn start_again(&mut self) {
        assert!(self.process.has_ended(), "the engine is still there");
        self.process = spawn(self.folder.path(), self.port, self.config.as_deref());
        self.client = super::http_client(); // the old one holds dead connections
    }

    /// Starts a guarded engine again, on a disk that has no room or has it again.
    pub(crate) fn start_again_on_a_disk(&mut self, is_full: bool) {
        let config = self.config.as_deref().expect("a guarded engine");
        let text = std::fs::read_to_string(config).expect("the configuration");
        let (room, no_room) = (keep_free(0), keep_free(MORE_THAN_ANY_DISK_BYTES));
        let (from, to) = if is_full {
            (room, no_room)
        } else {
            (no_room, room)
        };
        assert!(text.contains(&from), "it is so already");
        std::fs::write(config, text.replace(&from, &to)).expect("a writable folder");
        self.start_again();
    }

    /// Runs a statement behind the service's back and returns its answer; an error is a failure.
    pub(crate) async fn query(&self, sql: &str) -> String {
        self.query_as(self.user, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Runs a statement under an id, as the service does with its own; an error is a failure.
    pub(crate) async fn query_with_id(&self, id: &str, sql: &str) -> String {
        let id = utf8_percent_encode(id, NON_ALPHANUMERIC);
        let request = self
            .client
            .post(format!("http://{}/?query_id={id}", self.address()));
        let answer = request.body(sql.to_owned()).send().await;
        let answer = answer.expect("an answer");
        assert!(answer.status().is_success(), "{sql}");
        answer.text().await.expect("a text")
    }

    /// Runs a statement as `user`; `Err` is what ClickHouse said against it.
    pub(crate) async fn query_as(&self, user: Option<User>, sql: &str) -> Result<String, String> {
        ask(&self.client, self.address(), user, sql).await
    }
}

/// Runs a statement at an address; `Err` is what ClickHouse said against it, or that it did not answer.
pub(super) async fn ask(
    client: &reqwest::Client,
    address: SocketAddr,
    user: Option<User>,
    sql: &str,
) -> Result<String, String> {
    let mut request = client
        .post(format!("http://{address}"))
        .body(sql.to_owned());
    if let Some((name, password)) = user {
        request = request.basic_auth(name, Some(password));
    }
    let response = request.send().await.map_err(|error| error.to_string())?;
    let status = response.status();
    let text = response.text().await.map_err(|error| error.to_string())?;
    if status.is_success() {
        Ok(text)
    } else {
        Err(text)
    }
}

fn spawn(folder: &Path, port: u16, config: Option<&Path>) -> Running {
    let data = folder.join("data");
    std::fs::create_dir_all(&data).expect("a writable folder");
    let mut command = super::clean_command(super::python(), folder);
    command
        .arg(super::script("clickhouse.py"))
        .arg(library())
        .arg(data)
        .arg(port.to_string())
        .args(config);
    let process = Running::spawn(&mut command);
    assert_eq!(process.line(START_TIMEOUT), "ready");
    process
}

pub(super) fn library() -> PathBuf {
    let library =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/clickhouse/libchdb.so");
    assert!(
        library.exists(),
        "{} is missing: tests/run installs what the tests need",
        library.display()
    );
    library
}

/// Returns the part of a configuration that says how much of the disk is none of the engine's.
fn keep_free(bytes: u64) -> String {
    format!(
        "<storage_configuration><disks><default><keep_free_space_bytes>{bytes}\
         </keep_free_space_bytes></default></disks></storage_configuration>"
    )
}

/// Returns a configuration with a disk for backups at `folder`, at home in the file `path`.
fn backups_config(folder: &Path, path: &Path) -> String {
    let (folder, path) = (folder.display(), path.display());
    format!(
        "<clickhouse><storage_configuration><disks><backups><type>local</type><path>{folder}/</path></backups>\
         </disks></storage_configuration><backups><allowed_disk>backups</allowed_disk></backups>\
         <user_directories><users_xml><path>{path}</path></users_xml></user_directories>\
         <profiles><default/></profiles><quotas><default/></quotas><users><default><no_password/>\
         <networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>\
         </clickhouse>"
    )
}

/// Returns a configuration with three users, at home in the file `path`.
fn guarded_config(memory_bytes: u64, path: &Path) -> String {
    let user = |(name, password): User, profile: &str, grants: &str| {
        format!(
            "<{name}><password>{password}</password><networks><ip>127.0.0.1</ip></networks>\
             <profile>{profile}</profile><quota>default</quota>{grants}</{name}>"
        )
    };
    let writer = user(ClickHouse::WRITER, "default", "");
    let reader = user(ClickHouse::READER, "reader", "");
    let grants = "<grants><query>GRANT SELECT, INSERT ON *.*</query></grants>";
    let clerk = user(ClickHouse::CLERK, "default", grants);
    // The engine runs its first statements as `default`, without a password: it may do that alone.
    format!(
        "<clickhouse>\
         <max_server_memory_usage>{memory_bytes}</max_server_memory_usage>\
         <user_directories><users_xml><path>{path}</path></users_xml></user_directories>\
         {disk}<profiles><default/><reader><readonly>1</readonly></reader></profiles>\
         <quotas><default/></quotas>\
         <users>{writer}{reader}{clerk}<default><no_password/><networks><ip>127.0.0.1</ip></networks>\
         <profile>default</profile><quota>default</quota><grants>\
         <query>GRANT SYSTEM LISTEN ON *.*</query>\
         <query>GRANT CREATE TEMPORARY TABLE, FILE ON *.*</query></grants></default></users>\
         </clickhouse>",
        path = path.display(),
        disk = keep_free(0),
    )
}
