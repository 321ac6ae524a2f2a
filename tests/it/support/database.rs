//! Where a test's server keeps its events, and the hands that reach in there behind its back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ClickHouse;

/// The backend that `EVENT_HISTORY_TEST_DATABASE` names: `sqlite`, which is the default, or `clickhouse`.
#[derive(Debug)]
pub(crate) enum Database {
    Sqlite { folder: PathBuf },
    ClickHouse(ClickHouse),
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
            Some(other) => panic!("EVENT_HISTORY_TEST_DATABASE is '{other}', no backend"),
        }
    }

    /// Returns the setting with which our binary keeps its events here.
    pub(crate) fn setting(&self) -> String {
        match self {
            Self::Sqlite { folder } => format!("sqlite:{}", folder.display()),
            Self::ClickHouse(engine) => engine.url(),
        }
    }

    /// Returns for how long a server may go on as if nothing had happened behind its back.
    pub(super) fn staleness(&self) -> Duration {
        match self {
            Self::Sqlite { .. } => Duration::from_millis(100),
            Self::ClickHouse(_) => Duration::from_secs(5),
        }
    }

    /// Tells whether a tenant's database is there; its name has no upper-case letter.
    pub(crate) async fn has(&self, name: &str) -> bool {
        match self {
            Self::Sqlite { folder } => ["db", "db-wal", "db-shm"]
                .iter()
                .any(|end| folder.join(format!("tenants/{name}.{end}")).exists()),
            Self::ClickHouse(engine) => {
                engine.query(&format!("EXISTS DATABASE `{name}`")).await == "1\n"
            }
        }
    }

    /// Returns what databases there are, in order.
    pub(crate) async fn names(&self) -> Vec<String> {
        match self {
            Self::Sqlite { folder } => {
                let files = std::fs::read_dir(folder.join("tenants")).expect("the folder");
                let names = files.map(|file| file.expect("an entry").file_name());
                let mut names: Vec<_> = names
                    .map(|name| name.to_string_lossy().into_owned())
                    .collect();
                names.sort();
                names
            }
            Self::ClickHouse(engine) => {
                let names = engine.query("SHOW DATABASES FORMAT TSVRaw").await;
                names.lines().map(ToOwned::to_owned).collect()
            }
        }
    }

    /// Returns the label that is kept of a tenant.
    pub(crate) async fn label(&self, name: &str) -> String {
        match self {
            Self::Sqlite { folder } => {
                let registry = rusqlite::Connection::open(folder.join("registry.db"));
                let sql = "SELECT client_label FROM tenants WHERE database_name = ?1";
                let registry = registry.expect("the registry");
                let label = registry.query_row(sql, [name], |row| row.get(0));
                label.expect("an entry")
            }
            Self::ClickHouse(engine) => {
                let hex = engine
                    .query(&format!(
                        "SELECT hex(client_label) FROM default.tenants FINAL \
                         WHERE database_name = '{name}'"
                    ))
                    .await;
                let bytes = hex::decode(hex.trim_end()).expect("hexadecimal digits");
                String::from_utf8(bytes).expect("a label is text")
            }
        }
    }

    /// Removes the database of a tenant whose entry stays.
    pub(super) async fn remove(&self, name: &str) {
        match self {
            Self::Sqlite { folder } => {
                let file = folder.join(format!("tenants/{name}.db"));
                std::fs::remove_file(file).expect("the tenant's database");
            }
            Self::ClickHouse(engine) => {
                engine.query(&format!("DROP DATABASE `{name}` SYNC")).await;
            }
        }
    }

    /// Returns all that is kept of the tenant entries. (On ClickHouse without the rows that others have
    /// replaced: a merge may remove those at any time.)
    pub(crate) async fn tenant_entries(&self) -> String {
        match self {
            Self::Sqlite { folder } => {
                let bytes = std::fs::read(folder.join("registry.db")).expect("the registry");
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Self::ClickHouse(engine) => {
                engine
                    .query(
                        "SELECT * FROM default.tenants FINAL ORDER BY client_id FORMAT JSONEachRow",
                    )
                    .await
            }
        }
    }

    /// Puts the database out of the server's reach.
    pub(crate) fn go_away(&self) {
        match self {
            Self::Sqlite { folder } => std::fs::rename(folder, away(folder)).expect("the folder"),
            Self::ClickHouse(engine) => engine.kill(),
        }
    }

    /// Brings it back as it was.
    pub(crate) fn come_back(&mut self) {
        match self {
            Self::Sqlite { folder } => std::fs::rename(away(folder), folder).expect("the folder"),
            Self::ClickHouse(engine) => engine.start_again(),
        }
    }
}

fn away(folder: &Path) -> PathBuf {
    folder.with_extension("away")
}
