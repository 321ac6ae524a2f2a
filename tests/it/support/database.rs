//! Where a test's server keeps its events, and the hands that reach in there behind its back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;

use super::cluster::Node;
use super::{ClickHouse, Cluster, ExistingCluster};

/// The backend that `EVENT_HISTORY_TEST_DATABASE` names: `sqlite`, which is the default, `clickhouse`, or a cluster with so
/// many shards of so many replicas, `cluster-1x3` or `cluster-2x2`.
#[derive(Debug)]
pub(crate) enum Database {
    Sqlite { folder: PathBuf },
    ClickHouse(ClickHouse),
    Cluster(Cluster),
    ExistingCluster(ExistingCluster),
}

impl Database {
    /// Returns the backend of this run of the tests; what it writes goes below `folder`, or into an
    /// engine of its own.
    pub(super) fn of_this_run(folder: &Path) -> Self {
        match super::environment("EVENT_HISTORY_TEST_DATABASE").as_deref() {
            None | Some("sqlite") => Self::Sqlite {
                folder: folder.to_owned(),
            },
            Some("clickhouse") => Self::ClickHouse(ClickHouse::start()),
            Some(shape @ ("cluster-1x3" | "cluster-2x2")) => match ExistingCluster::of_this_run() {
                Some(cluster) => Self::ExistingCluster(cluster),
                None if shape == "cluster-1x3" => Self::Cluster(Cluster::start(1, 3)),
                None => Self::Cluster(Cluster::start(2, 2)),
            },
            Some(other) => panic!("EVENT_HISTORY_TEST_DATABASE is '{other}', no backend"),
        }
    }

    /// Returns the setting with which our binary keeps its events here.
    pub(crate) fn setting(&self) -> String {
        match self {
            Self::Sqlite { folder } => format!("sqlite:{}", folder.display()),
            Self::ClickHouse(engine) => engine.url(),
            Self::Cluster(cluster) => cluster.url(),
            Self::ExistingCluster(cluster) => cluster.url(),
        }
    }

    /// Returns the answers of all servers to a statement; of SQLite there are none.
    async fn ask_each(&self, sql: &str) -> Vec<String> {
        match self {
            Self::Sqlite { .. } => Vec::new(),
            Self::ClickHouse(engine) => vec![engine.query(sql).await],
            Self::Cluster(cluster) => {
                let asked = cluster.nodes().iter().map(|node| node.query(sql));
                join_all(asked).await
            }
            Self::ExistingCluster(cluster) => cluster.ask_each(sql).await,
        }
    }

    /// Returns for how long a server may go on as if nothing had happened behind its back.
    pub(crate) fn staleness(&self) -> Duration {
        match self {
            Self::Sqlite { .. } => Duration::from_millis(100),
            _ => Duration::from_secs(5),
        }
    }

    /// Tells whether a tenant's database is there; its name has no upper-case letter.
    pub(crate) async fn has(&self, name: &str) -> bool {
        if let Self::Sqlite { folder } = self {
            return ["db", "db-wal", "db-shm"]
                .iter()
                .any(|end| folder.join(format!("tenants/{name}.{end}")).exists());
        }
        let exists = self.ask_each(&format!("EXISTS DATABASE `{name}`")).await;
        exists.iter().any(|it| it == "1\n")
    }

    /// Returns what databases there are, in order.
    pub(crate) async fn names(&self) -> Vec<String> {
        let names: BTreeSet<String> = if let Self::Sqlite { folder } = self {
            let files = std::fs::read_dir(folder.join("tenants")).expect("the folder");
            let names = files.map(|file| file.expect("an entry").file_name());
            names
                .map(|name| name.to_string_lossy().into_owned())
                .collect()
        } else {
            let answers = self.ask_each("SHOW DATABASES FORMAT TSVRaw").await;
            let names = answers.iter().flat_map(|it| it.lines());
            names.map(ToOwned::to_owned).collect()
        };
        names.into_iter().collect()
    }

    /// Returns the label that is kept of a tenant.
    pub(crate) async fn label(&self, name: &str) -> String {
        if let Self::Sqlite { folder } = self {
            let registry = rusqlite::Connection::open(folder.join("registry.db"));
            let sql = "SELECT client_label FROM tenants WHERE database_name = ?1";
            let registry = registry.expect("the registry");
            let label = registry.query_row(sql, [name], |row| row.get(0));
            return label.expect("an entry");
        }
        let sql = format!(
            "SELECT hex(client_label) FROM default.tenants FINAL WHERE database_name = '{name}'"
        );
        // A node that lags has none.
        let hex = self.ask_each(&sql).await.into_iter().max();
        let hex = hex.expect("a server");
        let bytes = hex::decode(hex.trim_end()).expect("hexadecimal digits");
        String::from_utf8(bytes).expect("a label is text")
    }

    /// Removes the database of a tenant whose entry stays.
    pub(crate) async fn remove(&self, name: &str) {
        if let Self::Sqlite { folder } = self {
            let file = folder.join(format!("tenants/{name}.db"));
            std::fs::remove_file(file).expect("the tenant's database");
        }
        self.ask_each(&format!("DROP DATABASE IF EXISTS `{name}` SYNC"))
            .await;
    }

    /// Returns all that is kept of the tenant entries. (On ClickHouse without the rows that others have
    /// replaced: a merge may remove those at any time.)
    pub(crate) async fn tenant_entries(&self) -> String {
        if let Self::Sqlite { folder } = self {
            let bytes = std::fs::read(folder.join("registry.db")).expect("the registry");
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        let sql = "SELECT * FROM default.tenants FINAL ORDER BY client_id FORMAT JSONEachRow";
        self.ask_each(sql).await.concat()
    }

    /// Puts the database out of the server's reach.
    pub(crate) fn go_away(&self) {
        match self {
            Self::Sqlite { folder } => std::fs::rename(folder, away(folder)).expect("the folder"),
            Self::ClickHouse(engine) => engine.kill(),
            Self::Cluster(cluster) => cluster.nodes().iter().for_each(Node::kill),
            Self::ExistingCluster(_) => panic!("a cluster that was there before is not stopped"),
        }
    }

    /// Brings it back as it was.
    pub(crate) fn come_back(&mut self) {
        match self {
            Self::Sqlite { folder } => std::fs::rename(away(folder), folder).expect("the folder"),
            Self::ClickHouse(engine) => engine.start_again(),
            Self::Cluster(cluster) => {
                for number in 0..cluster.nodes().len() {
                    cluster.node_mut(number).start_again();
                }
            }
            Self::ExistingCluster(_) => panic!("a cluster that was there before is not started"),
        }
    }
}

fn away(folder: &Path) -> PathBuf {
    folder.with_extension("away")
}
