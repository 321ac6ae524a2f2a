//! Statements about events and tombstones, none of which can forget the tenant.
//!
//! Tenants share tables, so what keeps them apart is a condition. [`Statement`] is the only way to send a statement about
//! these tables: it binds the client id as a parameter, and [`check`] refuses a text in which a table is read, or rows
//! are deleted, without a condition on it. The client checks every statement again before it sends it.

use clickhouse::query::Query;

use super::failure::Failure;
use super::table_names::{POOL_DATABASE, TableName};
use crate::domain::ClientId;

/// One tenant's rows of the table: what stands behind `FROM`. More conditions may follow, after ` AND `.
pub(super) const OWN_ROWS: &str =
    "{database:Identifier}.{table:Identifier} WHERE client_id = {client:UUID}";

/// The same with only the newest version of each row, for the price of merging the tenant's rows while reading.
pub(super) const OWN_ROWS_FINAL: &str =
    "{database:Identifier}.{table:Identifier} FINAL WHERE client_id = {client:UUID}";

/// The events of many tenants by their keys, the parameter `keys`.
pub(super) const EVENTS_BY_KEY: &str = "{database:Identifier}.{table:Identifier} \
     WHERE (client_id, event_id) IN {keys:Array(Tuple(UUID, UUID))}";

/// The keys of [`EVENTS_BY_KEY`] that the index has, which is much faster where there are none. The index still has
/// deleted rows. The parameter `ids` has the second halves of the keys: by them alone nearly all rows are passed over, in
/// half of the time.
pub(super) const INDEXED_EVENTS_BY_KEY: &str = "mergeTreeProjection({database:String}, {table:String}, 'by_id') \
     PREWHERE event_id IN {ids:Array(UUID)} WHERE (client_id, event_id) IN {keys:Array(Tuple(UUID, UUID))}";

/// The events of many tenants, the parameter `clients`.
pub(super) const EVENTS_OF_TENANTS: &str = "{database:Identifier}.{table:Identifier} \
     WHERE client_id IN {clients:Array(UUID)}";

/// What was received later than now, of all tenants: to be asked for its time alone.
pub(super) const RECEIVED_AHEAD: &str =
    "{database:Identifier}.{table:Identifier} WHERE received_at > now64(6)";

/// What was redacted, of all tenants: to be asked for its keys, and when that was.
pub(super) const REDACTED: &str = "{database:Identifier}.{table:Identifier} WHERE revision > 0";

/// The tombstones of many tenants by their keys, the parameter `keys`.
pub(super) const TOMBSTONES_BY_KEY: &str = "{database:Identifier}.{table:Identifier} \
     WHERE (client_id, file_id) IN {keys:Array(Tuple(UUID, UUID))}";

/// Names a table in a statement.
const TABLES: [&str; 2] = ["{table:", POOL_DATABASE];

/// The forms of every place that names a table.
const SCOPES: [&str; 8] = [
    OWN_ROWS,
    OWN_ROWS_FINAL,
    EVENTS_BY_KEY,
    INDEXED_EVENTS_BY_KEY,
    EVENTS_OF_TENANTS,
    RECEIVED_AHEAD,
    REDACTED,
    TOMBSTONES_BY_KEY,
];

/// The text that may follow a condition on the tenant: nothing that widens it.
const CONTINUATIONS: [&str; 6] = ["", " AND ", " GROUP BY ", " ORDER BY ", " LIMIT ", ")"];

/// A statement about the rows of one tenant, or about rows of several by their whole keys.
#[derive(Debug)]
pub(super) struct Statement {
    sql: String,
    table: TableName,
    client_id: Option<ClientId>,
}

impl Statement {
    /// Returns a statement about one tenant's rows in `table`.
    pub(super) fn of_tenant(
        table: &TableName,
        client_id: ClientId,
        sql: String,
    ) -> Result<Self, Failure> {
        check(&sql)?;
        Ok(Self {
            sql,
            table: table.clone(),
            client_id: Some(client_id),
        })
    }

    /// Returns a statement about rows of `table` by keys that begin with a client id.
    pub(super) fn of_keys(table: &TableName, sql: String) -> Result<Self, Failure> {
        check(&sql)?;
        Ok(Self {
            sql,
            table: table.clone(),
            client_id: None,
        })
    }

    /// Returns the statement for a host, with the table and the tenant as parameters.
    pub(super) fn on(&self, host: &clickhouse::Client) -> Query {
        let query = self.table.bind(host.query_raw(&self.sql));
        match self.client_id {
            Some(id) => query.param("client", id.uuid()),
            None => query,
        }
    }
}

/// Tells whether a statement, or the name of a table to insert into, is about rows that one shard has.
pub(super) fn is_of_one_shard(sql: &str) -> bool {
    let creates = ["CREATE", "ALTER"].iter();
    TABLES.iter().any(|it| sql.contains(it)) && !creates.into_iter().any(|it| sql.contains(it))
}

/// Refuses a statement that reads or deletes rows of events or tombstones without a condition on the tenant. What creates,
/// drops or merges whole tables has none.
pub(super) fn check(sql: &str) -> Result<(), Failure> {
    let is_about_rows = ["SELECT", "DELETE", "WITH"]
        .iter()
        .any(|verb| sql.trim_start().starts_with(verb));
    let mentions = |text: &str| {
        TABLES
            .iter()
            .map(|it| text.matches(it).count())
            .sum::<usize>()
    };
    let scoped: usize = SCOPES
        .iter()
        .map(|scope| {
            let rests = sql
                .match_indices(scope)
                .map(|(at, _)| &sql[at + scope.len()..]);
            rests.filter(|rest| continues_well(rest)).count() * mentions(scope)
        })
        .sum();
    if is_about_rows && scoped != mentions(sql) {
        return Err(Failure::Setup(format!(
            "a statement about events names no tenant and was not sent: {sql}"
        )));
    }
    Ok(())
}

fn continues_well(rest: &str) -> bool {
    let mut continuations = CONTINUATIONS.iter();
    continuations.any(|it| {
        if it.is_empty() {
            rest.is_empty()
        } else {
            rest.starts_with(it)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{EVENTS_BY_KEY, INDEXED_EVENTS_BY_KEY, OWN_ROWS, OWN_ROWS_FINAL, check};

    const TABLE: &str = "{database:Identifier}.{table:Identifier}";

    #[test]
    fn a_statement_without_a_tenant_is_refused() {
        for sql in [
            format!("SELECT count() FROM {TABLE}"),
            format!("SELECT 1 FROM {TABLE} WHERE event_id = {{event_id:UUID}}"),
            format!("SELECT 1 FROM {TABLE} FINAL WHERE client_id != {{client:UUID}}"),
            format!("SELECT 1 FROM {OWN_ROWS} OR 1"),
            format!("SELECT 1 FROM {OWN_ROWS} AND event_id IN (SELECT event_id FROM {TABLE})"),
            format!(
                "  SELECT 1 FROM (SELECT 1 FROM {TABLE} LIMIT 1) WHERE client_id = {{client:UUID}}"
            ),
            format!("DELETE FROM {TABLE} WHERE 1"),
            format!("WITH a AS (SELECT 1 FROM {TABLE}) SELECT * FROM a"),
            "SELECT 1 FROM mergeTreeProjection({database:String}, {table:String}, 'by_id')"
                .to_owned(),
            "SELECT count() FROM _event_history.events".to_owned(),
        ] {
            assert!(check(&sql).is_err(), "{sql}");
        }
    }

    #[test]
    fn a_statement_about_tenants_is_sent() {
        for sql in [
            format!("SELECT count() FROM {OWN_ROWS}"),
            format!(
                "SELECT count() FROM {OWN_ROWS_FINAL} AND record_id IN {{record_ids:Array(Int64)}}"
            ),
            format!(
                "SELECT 1 FROM {OWN_ROWS} AND event_id IN (SELECT event_id FROM {OWN_ROWS} LIMIT 1)"
            ),
            format!("SELECT client_id, event_id FROM {EVENTS_BY_KEY}"),
            format!("SELECT client_id, event_id FROM {INDEXED_EVENTS_BY_KEY}"),
            format!("DELETE FROM {OWN_ROWS}"),
            format!("OPTIMIZE TABLE {TABLE} FINAL"),
            "SELECT 1 FROM default.tenants".to_owned(),
        ] {
            check(&sql).unwrap();
        }
    }
}
