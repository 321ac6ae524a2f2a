//! Copies to ClickHouse and back.

use event_history::domain::{Event, Tenant};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::{Ends, Place, moves_everything};
use crate::support::ClickHouse;

fn ask(engine: &ClickHouse, sql: &str) -> String {
    block_in_place(|| Handle::current().block_on(engine.query(sql)))
}

/// Counts the databases of tenants.
fn tenants(engine: &ClickHouse) -> usize {
    let sql = "SELECT count() FROM system.databases WHERE comment LIKE 'event-history tenant %'";
    ask(engine, sql).trim().parse().unwrap()
}

/// The table of pooled tenants.
const POOL: &str = "_event_history.events";

/// Changes a tenant's event in this table.
fn change(engine: &ClickHouse, table: &str, tenant: &Tenant, event: &Event) {
    let condition = format!(
        "client_id = '{}' AND event_id = '{}'",
        tenant.client_id, event.id
    );
    let record_id = format!("SELECT sum(record_id) FROM {table} WHERE {condition}");
    let before = ask(engine, &record_id);
    ask(
        engine,
        &format!(
            "ALTER TABLE {table} UPDATE record_id = record_id + 1 WHERE {condition} \
             SETTINGS mutations_sync = 2"
        ),
    );
    assert_ne!(ask(engine, &record_id), before, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_sqlite_to_clickhouse_killed_twice() {
    let (source, destination) = (Place::new(), ClickHouse::start());
    moves_everything(&Ends {
        from: source.location(),
        to: destination.url(),
        arrived: &|| tenants(&destination),
        change: &|tenant, event| change(&destination, POOL, tenant, event),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_clickhouse_to_sqlite_killed_twice() {
    let (source, destination) = (ClickHouse::start(), Place::new());
    moves_everything(&Ends {
        from: source.url(),
        to: destination.location(),
        arrived: &|| destination.tenants(),
        change: &|tenant, event| {
            let sql = "UPDATE events SET record_id = record_id + 1 WHERE event_id = ?";
            destination.edit(tenant, sql, event);
        },
    })
    .await;
}

/// A tenant is moved into tables of its own by a copy: its placement is that of the destination.
#[tokio::test(flavor = "multi_thread")]
async fn from_pooled_to_dedicated_on_clickhouse_killed_twice() {
    let (source, destination) = (ClickHouse::start(), ClickHouse::start());
    moves_everything(&Ends {
        from: source.url(),
        to: format!("{}?placement=dedicated", destination.url()),
        arrived: &|| tenants(&destination),
        change: &|tenant, event| {
            let (name, id) = (&tenant.database_name, tenant.client_id.uuid().simple());
            let table = format!("`{name}`.events_{id}");
            change(&destination, &table, tenant, event);
        },
    })
    .await;
    assert_eq!(
        ask(&destination, &format!("SELECT count() FROM {POOL}")),
        "0\n"
    );
}
