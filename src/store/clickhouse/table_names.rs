//! The names of tables and databases in ClickHouse.

use clickhouse::insert::Insert;
use clickhouse::query::Query as Statement;

use crate::domain::{ClientId, DatabaseName};

/// The table that shows a tenant's events to people, and marks whose the database is: it can be created only once, and
/// names the tenant's table.
pub(super) const OWNER_MARK: &str = "events";

const TABLE_PREFIX: &str = "events_";

const TOMBSTONES_PREFIX: &str = "tombstones_";

/// No tenant's name begins with `_`, so this never collides with a tenant's database.
const DELETED_PREFIX: &str = "_deleted_";

/// The table of one tenant's events. It is named after the client id: no statement for a deleted tenant ever reaches
/// the events of another tenant that has its name by now, whatever a replica has cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    pub(super) database: DatabaseName,
    pub(super) name: String,
}

impl TableName {
    pub(super) fn new(database: &DatabaseName, client_id: ClientId) -> Self {
        Self {
            database: database.clone(),
            name: format!("{TABLE_PREFIX}{}", client_id.uuid().simple()),
        }
    }

    /// Gives a statement the parameters `database` and `table`.
    pub(super) fn bind(&self, statement: Statement) -> Statement {
        statement
            .param("database", self.database.as_str())
            .param("table", self.name.as_str())
    }

    /// Gives an INSERT the same parameters.
    pub(super) fn bind_insert<T>(&self, insert: Insert<T>) -> Insert<T> {
        insert
            .with_setting("param_database", self.database.as_str())
            .with_setting("param_table", &self.name)
    }

    /// Returns the table of the tenant's tombstoned files.
    pub(super) fn tombstones(&self) -> Self {
        let id = self.name.strip_prefix(TABLE_PREFIX).unwrap_or(&self.name);
        Self {
            database: self.database.clone(),
            name: format!("{TOMBSTONES_PREFIX}{id}"),
        }
    }

    /// Returns the table of each shard on a cluster, behind the one that spreads rows over them.
    pub(super) fn local(&self) -> Self {
        Self {
            database: self.database.clone(),
            name: format!("{}_local", self.name),
        }
    }
}

/// Returns the name that a deleted tenant's database gets before it is dropped.
pub(super) fn deleted_database(client_id: ClientId) -> String {
    format!("{DELETED_PREFIX}{}", client_id.uuid().simple())
}

/// Reads the client id out of the definition of a table [`OWNER_MARK`].
pub(super) fn owner(definition: &str) -> Option<ClientId> {
    // The database's name, which comes first, may look like a table's; no name has a quote or `^` in it.
    let pattern = format!("'^{TABLE_PREFIX}");
    let at = definition.find(&pattern)? + pattern.len();
    ClientId::parse(definition.get(at..at + 32)?).ok()
}

#[cfg(test)]
mod tests {
    use super::{TableName, deleted_database, owner};
    use crate::domain::{ClientId, DatabaseName};

    #[test]
    fn a_definition_names_the_owner() {
        let id = ClientId::parse("0e7f3f9c-2f0f-4e0a-9f0e-3c1f6a1f5b11").unwrap();
        let table = TableName::new(&DatabaseName::parse("alx-demo").unwrap(), id);
        assert_eq!(table.name, "events_0e7f3f9c2f0f4e0a9f0e3c1f6a1f5b11");
        let definition = format!("Merge('alx-demo', '^{}$')", table.name);
        assert_eq!(owner(&definition), Some(id));
        let another = "events_11111111111141118111111111111111";
        let definition = format!("Merge('{another}', '^{}$')", table.name);
        assert_eq!(
            owner(&definition),
            Some(id),
            "a database may have that name"
        );
        for other in [
            "",
            "MergeTree ORDER BY a",
            "Merge('a', '^events_')",
            "Merge('events_äöü')",
        ] {
            assert_eq!(owner(other), None, "{other}");
        }
        assert!(DatabaseName::parse(&deleted_database(id)).is_err());
    }
}
