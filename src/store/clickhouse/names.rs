//! What things are called in ClickHouse.

use clickhouse::query::Query as Statement;

use crate::domain::{ClientId, DatabaseName};

/// The table that shows a tenant's table to people; and what makes a database somebody's: it can be
/// made once, and says whose table it shows.
pub(super) const SHOWN: &str = "events";

const TABLE_PREFIX: &str = "events_";

/// Begins the name of the table of a tenant's tombstoned files.
const TOMBSTONES_PREFIX: &str = "tombstones_";

/// No tenant's name begins with `_`, so this never meets a database that somebody asked for.
const DELETED_PREFIX: &str = "_deleted_";

/// The table of one tenant. It is called by the tenant's client id: no statement on the events of a tenant
/// that was deleted ever reaches those of another that has its name by now, whatever a replica still
/// believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) database: DatabaseName,
    pub(super) name: String,
}

impl Table {
    pub(super) fn new(database: &DatabaseName, client_id: ClientId) -> Self {
        Self {
            database: database.clone(),
            name: format!("{TABLE_PREFIX}{}", client_id.uuid().simple()),
        }
    }

    /// Gives a statement the parameters `database` and `table`.
    pub(super) fn of(&self, statement: Statement) -> Statement {
        statement
            .param("database", self.database.as_str())
            .param("table", self.name.as_str())
    }

    /// The table of the tenant's tombstoned files.
    pub(super) fn tombstones(&self) -> Self {
        let id = self.name.strip_prefix(TABLE_PREFIX).unwrap_or(&self.name);
        Self {
            database: self.database.clone(),
            name: format!("{TOMBSTONES_PREFIX}{id}"),
        }
    }

    /// On a cluster: the table of each shard, behind the one that spreads rows over them.
    pub(super) fn local(&self) -> Self {
        Self {
            database: self.database.clone(),
            name: format!("{}_local", self.name),
        }
    }
}

/// Returns where a deleted tenant's database is moved before it is dropped.
pub(super) fn deleted_database(client_id: ClientId) -> String {
    format!("{DELETED_PREFIX}{}", client_id.uuid().simple())
}

/// Reads the client id out of the definition of a table `events`.
pub(super) fn owner(definition: &str) -> Option<ClientId> {
    // The database before it may be called like somebody's table; no name has a quote or `^` in it.
    let pattern = format!("'^{TABLE_PREFIX}");
    let at = definition.find(&pattern)? + pattern.len();
    ClientId::parse(definition.get(at..at + 32)?).ok()
}

#[cfg(test)]
mod tests {
    use super::{Table, deleted_database, owner};
    use crate::domain::{ClientId, DatabaseName};

    #[test]
    fn a_table_says_whose_it_is() {
        let id = ClientId::parse("0e7f3f9c-2f0f-4e0a-9f0e-3c1f6a1f5b11").unwrap();
        let table = Table::new(&DatabaseName::parse("alx-demo").unwrap(), id);
        assert_eq!(table.name, "events_0e7f3f9c2f0f4e0a9f0e3c1f6a1f5b11");
        let definition = format!("Merge('alx-demo', '^{}$')", table.name);
        assert_eq!(owner(&definition), Some(id));
        let another = "events_11111111111141118111111111111111";
        let definition = format!("Merge('{another}', '^{}$')", table.name);
        assert_eq!(owner(&definition), Some(id), "a database may be called so");
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
