//! Redaction of an event: a row of the next revision, without what is removed, and then the deletion of the rows before it.
//!
//! No transaction does both, so an error may leave the older rows in place, where a search still finds them: the same redaction
//! again deletes them, and so does `erasure.rs` before long.

use super::patch_delete::delete_rows;
use crate::domain::{ClientId, EventId, Holds, Redaction};
use crate::store::Redacted;
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::table_names::TableName;
use crate::store::clickhouse::tables::{BatchTables, TenantTables};

/// Redacts an event of a tenant. The caller keeps others from redacting one of the tenant's meanwhile.
pub(super) async fn redact(
    client: &Client,
    table: &TableName,
    client_id: ClientId,
    (id, redaction): (EventId, &Redaction),
    holds: &Holds,
) -> Result<Redacted, Failure> {
    let tables = TenantTables::new(client, table.clone(), client_id);
    let Some(before) = tables.find(id).await? else {
        return Ok(Redacted::NoSuchEvent);
    };
    if holds.cover(before.record_id) {
        return Ok(Redacted::UnderHold);
    }
    let now = match before.redacted(redaction) {
        Ok(Some(now)) => {
            // With the time at which the first row was received: its place in the arrival order stays.
            let batch = BatchTables::new(client, table);
            batch.insert(&[(client_id, &now)], 0).await?;
            now
        }
        Ok(None) => before,
        Err(problems) => return Ok(Redacted::Refused(problems)),
    };
    delete_older(client, table, client_id, id, now.redactions.count()).await?;
    Ok(Redacted::Event(Box::new(now)))
}

/// Deletes the rows of an event that are older than a revision.
pub(super) async fn delete_older(
    client: &Client,
    table: &TableName,
    client_id: ClientId,
    id: EventId,
    revision: u16,
) -> Result<(), Failure> {
    let condition = "event_id = {event_id:UUID} AND revision < {revision:UInt16}";
    delete_rows(client, table, client_id, condition, |statement| {
        statement
            .param("event_id", id.uuid())
            .param("revision", revision)
    })
    .await
}
