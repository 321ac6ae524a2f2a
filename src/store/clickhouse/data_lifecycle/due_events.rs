//! The events of a tenant that are due, and their deletion.
//!
//! Of several rows of one event each is due by its own arrival. One that was received later may thus outlive the others:
//! then the event is one that was delivered again after its deletion.

use clickhouse::query::Query;
use clickhouse::{RowOwned, RowRead};

use super::patch_delete::delete_rows;
use crate::domain::{ClientId, Cutoffs, Due, Holds, RetentionPosition, RetentionStep};
use crate::store::clickhouse::client::Client;
use crate::store::clickhouse::failure::Failure;
use crate::store::clickhouse::statement::{OWN_ROWS, Statement};
use crate::store::clickhouse::table_names::TableName;

/// The events that one statement deletes, about: each makes a patch part, and many of those slow down readers.
const DELETED_EVENTS: u32 = 50_000;

/// What is due, holds aside.
const IS_DUE: &str = "time_us >= {from_us:Int64} AND time_us < {latest_us:Int64} \
     AND time_us < transform(event_type_id, {types:Array(Int32)}, {times_us:Array(Int64)}, {other_time_us:Int64}) \
     AND toUnixTimestamp64Micro(received_at) \
         < transform(event_type_id, {types:Array(Int32)}, {received_us:Array(Int64)}, {other_received_us:Int64})";

const IS_HELD: &str = "has({held:Array(Int64)}, record_id)";

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct Counted {
    events: u64,
    held: u64,
}

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
struct Found {
    events: u64,
    last_us: i64,
}

/// The due events of one tenant.
#[derive(Debug)]
pub(super) struct DueEvents {
    client: Client,
    table: TableName,
    client_id: ClientId,
    types: Vec<i32>,
    times_us: Vec<i64>,
    received_us: Vec<i64>,
    others: Cutoffs,
    latest_us: i64,
    held: Vec<i64>,
}

impl DueEvents {
    pub(super) fn new(
        client: &Client,
        table: TableName,
        client_id: ClientId,
        due: &Due,
        holds: &Holds,
    ) -> Self {
        let mut by_type = due.by_type.clone();
        // `transform` takes no empty lists.
        by_type.entry(0).or_insert(due.others);
        Self {
            client: client.of(&table),
            table,
            client_id,
            types: by_type.keys().copied().collect(),
            times_us: by_type.values().map(|it| it.time_us).collect(),
            received_us: by_type.values().map(|it| it.received_us).collect(),
            others: due.others,
            latest_us: due.latest_us(),
            held: holds.records().into_iter().collect(),
        }
    }

    /// Counts all of them.
    pub(super) async fn count(&self, all_are_held: bool) -> Result<RetentionStep, Failure> {
        let sql = format!(
            "SELECT uniqExactIf(event_id, NOT {IS_HELD}) AS events, uniqExactIf(event_id, {IS_HELD}) AS held \
             FROM {OWN_ROWS} AND {IS_DUE}"
        );
        let Counted { events, held } = self.fetch_one(sql, i64::MIN).await?;
        let (events, held) = if all_are_held {
            (0, events + held)
        } else {
            (events, held)
        };
        Ok(RetentionStep {
            events,
            held,
            ..RetentionStep::default()
        })
    }

    /// Deletes the first of them, by time.
    pub(super) async fn delete(
        &self,
        after: Option<RetentionPosition>,
    ) -> Result<RetentionStep, Failure> {
        let from_us = after.map_or(i64::MIN, |it| it.time_us);
        let sql = format!(
            "SELECT uniqExact(event_id) AS events, max(time_us) AS last_us FROM \
             (SELECT event_id, time_us FROM {OWN_ROWS} AND {IS_DUE} AND NOT {IS_HELD} \
              ORDER BY time_us LIMIT {DELETED_EVENTS})"
        );
        let Found { events, last_us } = self.fetch_one(sql, from_us).await?;
        if events == 0 {
            return Ok(RetentionStep::default());
        }
        self.delete_until(from_us, last_us).await?;
        Ok(RetentionStep {
            events,
            next: Some(RetentionPosition {
                event_type_id: 0,
                time_us: last_us,
                sequence: 0,
            }),
            ..RetentionStep::default()
        })
    }

    /// Deletes those of a span of time.
    async fn delete_until(&self, from_us: i64, last_us: i64) -> Result<(), Failure> {
        let condition = format!("{IS_DUE} AND NOT {IS_HELD} AND time_us <= {{last_us:Int64}}");
        let bind = |statement: Query| self.bind(statement, from_us).param("last_us", last_us);
        delete_rows(&self.client, &self.table, self.client_id, &condition, bind).await
    }

    async fn fetch_one<T: RowOwned + RowRead>(
        &self,
        sql: String,
        from_us: i64,
    ) -> Result<T, Failure> {
        let statement = self.statement(sql)?;
        let query = |it: &clickhouse::Client| self.bind(statement.on(it), from_us);
        let found = self.client.fetch::<T>("find_due", query).await?.pop();
        found.ok_or_else(|| Failure::InvalidData("no count of what is due".to_owned()))
    }

    fn statement(&self, sql: String) -> Result<Statement, Failure> {
        Statement::of_tenant(&self.table, self.client_id, sql)
    }

    fn bind(&self, statement: Query, from_us: i64) -> Query {
        statement
            .param("from_us", from_us)
            .param("latest_us", self.latest_us)
            .param("types", &self.types)
            .param("times_us", &self.times_us)
            .param("received_us", &self.received_us)
            .param("other_time_us", self.others.time_us)
            .param("other_received_us", self.others.received_us)
            .param("held", &self.held)
    }
}
