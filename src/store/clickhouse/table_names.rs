//! The names of tables and databases in ClickHouse.

use clickhouse::insert::Insert;
use clickhouse::query::Query;

use crate::domain::{ClientId, Placement, Tenant};

/// The database of the tables that all pooled tenants share. No tenant's name begins with `_`.
pub(super) const POOL_DATABASE: &str = "_event_history";

/// In each tenant's database, the view that shows the tenant's events to people.
pub(super) const VIEW: &str = "events";

const EVENTS: &str = "events";
const TOMBSTONES: &str = "tombstones";

const DELETED_PREFIX: &str = "_deleted_";

/// A table of events, or the table of tombstones next to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TableName {
    pub(super) database: String,
    pub(super) name: String,
}

impl TableName {
    /// Returns the table of a tenant's events: the one that all pooled tenants share, or in a dedicated tenant's own
    /// database a table that has the client id in its name. No statement for a deleted tenant thus reaches the table of
    /// another tenant that has its name by now, whatever a replica has cached.
    pub(super) fn of(tenant: &Tenant, placement: Placement) -> Self {
        match placement {
            Placement::Pooled => Self::pooled(),
            Placement::Dedicated => Self {
                database: tenant.database_name.to_string(),
                name: format!("{EVENTS}_{}", tenant.client_id.uuid().simple()),
            },
        }
    }

    pub(super) fn pooled() -> Self {
        Self {
            database: POOL_DATABASE.to_owned(),
            name: EVENTS.to_owned(),
        }
    }

    pub(super) fn is_pooled(&self) -> bool {
        self.database == POOL_DATABASE
    }

    /// Returns the table of tombstoned files next to this table of events.
    pub(super) fn tombstones(&self) -> Self {
        Self {
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

    /// Gives an INSERT the same parameters.
    pub(super) fn bind_insert<T>(&self, insert: Insert<T>) -> Insert<T> {
        insert
            .with_setting("param_database", &self.database)
            .with_setting("param_table", &self.name)
    }
}

/// Returns the name that a deleted tenant's database gets before it is dropped.
pub(super) fn deleted_database(client_id: ClientId) -> String {
    format!("{DELETED_PREFIX}{}", client_id.uuid().simple())
}

#[cfg(test)]
mod tests {
    use super::{POOL_DATABASE, TableName, deleted_database};
    use crate::domain::{DatabaseName, Placement};
    use crate::store::samples::tenant;

    #[test]
    fn a_tenant_has_the_shared_tables_or_its_own() {
        let tenant = tenant("events-demo");
        let pooled = TableName::of(&tenant, Placement::Pooled);
        assert!(pooled.is_pooled());
        assert_eq!(pooled.tombstones().name, "tombstones");
        let own = TableName::of(&tenant, Placement::Dedicated);
        let id = tenant.client_id.uuid().simple();
        assert!(!own.is_pooled());
        assert_eq!(
            (own.database.as_str(), own.name),
            ("events-demo", format!("events_{id}"))
        );
        let own = TableName::of(&tenant, Placement::Dedicated).tombstones();
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
