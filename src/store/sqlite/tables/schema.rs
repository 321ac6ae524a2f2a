//! Upgrades a database file to the schema that this program knows.
//!
//! `PRAGMA user_version` counts the steps that a file has taken. A step is a file under
//! `migrations/sqlite`, never edited once released; each runs in a transaction with its own count.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::store::Error;
use crate::store::sqlite::disk::error_mapping::{refused, sql_failed};

/// The schema of one kind of database file, as the steps that lead to it.
#[derive(Debug)]
pub(crate) struct Schema {
    /// The kind of file, for messages.
    kind: &'static str,
    /// Set by the first step (`PRAGMA application_id`).
    application_id: i32,
    steps: &'static [&'static str],
}

pub(crate) const REGISTRY: Schema = Schema {
    kind: "tenant registry",
    application_id: 0x4548_7267, // 'EHrg'
    steps: &[include_str!(
        "../../../../migrations/sqlite/registry_0001.sql"
    )],
};

pub(crate) const TENANT: Schema = Schema {
    kind: "tenant database",
    application_id: 0x4548_6576, // 'EHev'
    steps: &[
        include_str!("../../../../migrations/sqlite/tenant_0001.sql"),
        include_str!("../../../../migrations/sqlite/tenant_0002.sql"),
        include_str!("../../../../migrations/sqlite/tenant_0003.sql"),
        include_str!("../../../../migrations/sqlite/tenant_0004.sql"),
        include_str!("../../../../migrations/sqlite/tenant_0005.sql"),
        include_str!("../../../../migrations/sqlite/tenant_0006.sql"),
    ],
};

impl Schema {
    /// Creates the schema in an empty database.
    pub(crate) fn create(&self, connection: &mut Connection, path: &Path) -> Result<(), Error> {
        self.run_from(0, connection, path)
    }

    /// Refuses a database that is not exactly of the schema that this program knows: for external access, which
    /// upgrades nothing.
    pub(crate) fn require(&self, connection: &Connection, path: &Path) -> Result<(), Error> {
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0));
        let version: i32 = version.map_err(|error| sql_failed(path, error))?;
        self.refuse_newer(version, path)?;
        if usize::try_from(version) == Ok(self.steps.len()) {
            return Ok(());
        }
        Err(Error::Damaged(format!(
            "the {} '{}' has schema version {version}: the service upgrades it at its next use",
            self.kind,
            path.display()
        )))
    }

    /// Runs the steps that the database at `path` has not taken yet. A database of another kind is
    /// [`Error::Damaged`], one that a newer program has changed [`Error::Unavailable`].
    pub(crate) fn upgrade(&self, connection: &mut Connection, path: &Path) -> Result<(), Error> {
        let read = |name| {
            connection
                .pragma_query_value(None, name, |row| row.get::<_, i32>(0))
                .map_err(|error| sql_failed(path, error))
        };
        if read("application_id")? != self.application_id {
            let message = format!("'{}' is not a {}", path.display(), self.kind);
            return Err(Error::Damaged(message));
        }
        let version = read("user_version")?;
        self.refuse_newer(version, path)?;
        self.run_from(usize::try_from(version).unwrap_or(0), connection, path)
    }

    /// Refuses a file that a newer program has changed: this one might misread it.
    pub(crate) fn refuse_newer(&self, version: i32, path: &Path) -> Result<(), Error> {
        let known = self.steps.len();
        if usize::try_from(version).is_ok_and(|version| version <= known) {
            return Ok(());
        }
        Err(refused(format!(
            "the {} '{}' has schema version {version}, and this program knows versions up to {known}",
            self.kind,
            path.display()
        )))
    }

    fn run_from(&self, version: usize, conn: &mut Connection, path: &Path) -> Result<(), Error> {
        for (version, step) in (1_u32..).zip(self.steps).skip(version) {
            run(conn, step, version).map_err(|error| sql_failed(path, error))?;
        }
        Ok(())
    }
}

fn run(connection: &mut Connection, step: &str, version: u32) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::{REGISTRY, Schema, TENANT};

    #[test]
    fn a_step_runs_once_and_marks_its_file() {
        for schema in [REGISTRY, TENANT] {
            let mut connection = Connection::open_in_memory().unwrap();
            let path = Path::new("x.db");
            schema.create(&mut connection, path).unwrap();
            schema.upgrade(&mut connection, path).unwrap();
            let version: i64 = connection
                .pragma_query_value(None, "user_version", |row| row.get(0))
                .unwrap();
            assert_eq!(usize::try_from(version).unwrap(), schema.steps.len());
        }
    }

    #[test]
    fn an_upgrade_runs_only_the_missing_steps() {
        let path = Path::new("x.db");
        let mut connection = Connection::open_in_memory().unwrap();
        TENANT.create(&mut connection, path).unwrap();
        let taken = TENANT.steps.len();
        let mut steps = vec!["not run again"; taken];
        steps.push("ALTER TABLE events ADD COLUMN more TEXT");
        let longer = Schema {
            steps: steps.leak(),
            ..TENANT
        };
        longer.upgrade(&mut connection, path).unwrap();
        connection
            .execute("UPDATE events SET more = 'x'", [])
            .unwrap();
        let refused = TENANT.upgrade(&mut connection, path).unwrap_err();
        let cause = std::error::Error::source(&refused).unwrap().to_string();
        let newer = format!("has schema version {}", taken + 1);
        assert!(cause.contains(&newer), "{cause}");
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        REGISTRY.create(&mut connection, Path::new("x.db")).unwrap();
        let refused = TENANT
            .upgrade(&mut connection, Path::new("x.db"))
            .unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("'x.db' is not a tenant database")
        );
    }
}
