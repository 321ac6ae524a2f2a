//! The names of tables, databases and shards in ClickHouse.

use std::fmt;
use std::sync::Arc;

use clickhouse::insert::Insert;
use clickhouse::query::Query;

use crate::domain::{ClientId, Entropy, Placement, SystemEntropy, Tenant};

/// The database of the tables that all pooled tenants share. No tenant's name begins with `_`.
pub(super) const POOL_DATABASE: &str = "_event_history";

/// In each tenant's database, the view that shows the tenant's events to people.
pub(super) const VIEW: &str = "events";

const EVENTS: &str = "events";
const TOMBSTONES: &str = "tombstones";

const DELETED_PREFIX: &str = "_deleted_";

/// The name of a shard of a cluster: what its nodes have as the macro `{shard}`, by which their tables replicate. Without a
/// cluster there is one shard, and its name is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ShardName(Arc<str>);

impl ShardName {
    pub(super) fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShardName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a tenant's events are kept, as its entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) placement: Placement,
    pub(super) shard: ShardName,
}

/// A table of events in one shard, or the table of tombstones next to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TableName {
    /// Only the nodes of this shard have the rows.
    pub(super) shard: ShardName,
    pub(super) database: String,
    pub(super) name: String,
}

impl TableName {
    /// Returns the table of a tenant's events: the one that all pooled tenants of the shard share, or in a dedicated
    /// tenant's own database a table that has the client id in its name. No statement for a deleted tenant thus reaches the
    /// table of another tenant that has its name by now, whatever a replica has cached.
    pub(super) fn of(tenant: &Tenant, assignment: &Assignment) -> Self {
        let Assignment { placement, shard } = assignment;
        match placement {
            Placement::Pooled => Self::pooled(shard),
            Placement::Dedicated => Self {
                shard: shard.clone(),
                database: tenant.database_name.to_string(),
                name: format!("{EVENTS}_{}", tenant.client_id.uuid().simple()),
            },
        }
    }

    pub(super) fn pooled(shard: &ShardName) -> Self {
        Self {
            shard: shard.clone(),
            database: POOL_DATABASE.to_owned(),
            name: EVENTS.to_owned(),
        }
    }

    /// Returns a table of the whole cluster, which every node has.
    pub(super) fn global(database: &str, name: &str) -> Self {
        Self {
            shard: ShardName::default(),
            database: database.to_owned(),
            name: name.to_owned(),
        }
    }

    pub(super) fn is_pooled(&self) -> bool {
        self.database == POOL_DATABASE
    }

    /// Returns the table of tombstoned files next to this table of events.
    pub(super) fn tombstones(&self) -> Self {
        Self {
            shard: self.shard.clone(),
            database: self.database.clone(),
            name: self.name.replacen(EVENTS, TOMBSTONES, 1),
        }
    }

    /// Gives a statement the parameters `database` and `table`.
    pub(super) fn bind(&self, statement: Query) -> Query {
        statement
            .param("database", self.database.as_str())
            .param("table", self.name.as_str())
    }

    /// Gives an INSERT the same parameters, and an id that says into which table it inserts.
    pub(super) fn bind_insert<T>(&self, insert: Insert<T>) -> Insert<T> {
        let id = format!("{}{}", self.insert_ids(), SystemEntropy.uuid_v4());
        insert
            .with_setting("param_database", &self.database)
            .with_setting("param_table", &self.name)
            .with_setting("query_id", id)
    }

    /// Returns how the ids of all statements begin that insert into the table.
    pub(super) fn insert_ids(&self) -> String {
        format!("event-history-insert:{}.{}:", self.database, self.name)
    }
}

/// Returns the name that a deleted tenant's database gets before it is dropped.
pub(super) fn deleted_database(client_id: ClientId) -> String {
    format!("{DELETED_PREFIX}{}", client_id.uuid().simple())
}

#[cfg(test)]
mod tests {
    use super::{Assignment, POOL_DATABASE, ShardName, TableName, deleted_database};
    use crate::domain::{DatabaseName, Placement};
    use crate::store::samples::tenant;

    #[test]
    fn a_tenant_has_the_shared_tables_or_its_own() {
        let tenant = tenant("events-demo");
        let assigned = |placement| Assignment {
            placement,
            shard: ShardName::new("2"),
        };
        let pooled = TableName::of(&tenant, &assigned(Placement::Pooled));
        assert!(pooled.is_pooled());
        assert_eq!(pooled.shard.as_str(), "2");
        assert_eq!(pooled.tombstones().name, "tombstones");
        let own = TableName::of(&tenant, &assigned(Placement::Dedicated));
        let id = tenant.client_id.uuid().simple();
        assert!(!own.is_pooled());
        assert_eq!(
            (own.database.as_str(), own.name.clone()),
            ("events-demo", format!("events_{id}"))
        );
        assert_eq!(own.shard.as_str(), "2");
        let own = TableName::of(&tenant, &assigned(Placement::Dedicated)).tombstones();
        assert_eq!(
            (own.database.as_str(), own.name),
            ("events-demo", format!("tombstones_{id}"))
        );
    }

    #[test]
    fn no_tenant_has_a_name_of_ours() {
        for name in [POOL_DATABASE, &deleted_database(tenant("x").client_id)] {
            assert!(DatabaseName::parse(name).is_err(), "{name}");
        }
    }
}
