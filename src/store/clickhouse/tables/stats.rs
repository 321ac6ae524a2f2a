//! Counts events by spans of time and by kind.

use super::filters::Filters;
use super::{TenantTables, indexed};
use crate::domain::stats::{Bucket, Dimension, Grouping, Kind, Span, Tally};
use crate::domain::{FileTotals, Query, Stats};
use crate::store::clickhouse::failure::{Failure, code};
use crate::store::clickhouse::statement::{OWN_ROWS, OWN_ROWS_FINAL};

/// More rows than these are counted with their duplicates: leaving them out takes a tenth of a second per million.
const MAX_EXACT_ROWS: u64 = 1_500_000;

/// The number of a span, rounded down also before 1970.
const NUMBER: &str = "intDiv(time_us + {offset_us:Int64} - \
     positiveModulo(time_us + {offset_us:Int64}, {width_us:Int64}), {width_us:Int64})";

/// Where time does not count.
const NO_SPAN: Span = Span {
    width_us: 1,
    offset_us: 0,
};

impl TenantTables {
    /// Counts the events that match the filters of `query`. Duplicates that are not merged yet are left out, unless there
    /// are very many rows.
    pub(crate) async fn stats(&self, query: &Query, grouping: Grouping) -> Result<Stats, Failure> {
        let filters = Filters::new(query);
        let counted = self.count_by_group("stats", Some(&filters), grouping);
        Ok(tally(counted.await?, grouping))
    }

    /// Does the same; without filters, all events of the tenant count. Groups without events are left out.
    pub(super) async fn count_by_group(
        &self,
        operation: &'static str,
        filters: Option<&Filters<'_>>,
        grouping: Grouping,
    ) -> Result<Vec<GroupRow>, Failure> {
        let counted = |sql, max_rows| self.counted(operation, sql, filters, grouping, max_rows);
        let groups = groups(grouping);
        let condition = filters.map(Filters::sql).unwrap_or_default();
        // The rows of a few records or events are found by an index, which FINAL cannot use.
        let exact = if filters.is_some_and(Filters::are_selective) {
            let rows = format!(
                "SELECT time_us, event_id, event_type_id, source_type_id, source_id \
                 FROM {OWN_ROWS}{condition} LIMIT {MAX_EXACT_ROWS}"
            );
            let sql = format!(
                "SELECT {groups}, uniqExact(time_us, event_id) AS events, count() AS rows FROM ({rows}) \
                 GROUP BY number, kind, source"
            );
            let counted = counted(sql, None).await?;
            let rows: u64 = counted.iter().map(|it| it.rows).sum();
            (rows < MAX_EXACT_ROWS).then_some(counted)
        } else {
            let sql = of_table(&groups, OWN_ROWS_FINAL, &condition);
            match counted(sql, Some(MAX_EXACT_ROWS)).await {
                Err(failure) if failure.is(code::TOO_MANY_ROWS) => None,
                outcome => Some(outcome?),
            }
        };
        match exact {
            Some(exact) => Ok(exact),
            None => counted(of_table(&groups, OWN_ROWS, &condition), None).await,
        }
    }

    /// Runs a statement that counts by groups, and ends it as soon as there are more than there can be in an answer. It
    /// fails if more than `max_rows` would have to be read.
    async fn counted(
        &self,
        operation: &'static str,
        sql: String,
        filters: Option<&Filters<'_>>,
        grouping: Grouping,
        max_rows: Option<u64>,
    ) -> Result<Vec<GroupRow>, Failure> {
        let statement = self.statement(sql)?;
        let span = grouping.bucket.map_or(NO_SPAN, Bucket::span);
        let max_groups = grouping.max_counts();
        self.client
            .fetch::<GroupRow>(operation, |it| {
                let request = indexed(statement.on(it))
                    .param("width_us", span.width_us)
                    .param("offset_us", span.offset_us)
                    .with_setting("max_rows_to_group_by", max_groups.to_string())
                    .with_setting("group_by_overflow_mode", "break")
                    .with_setting("limit", (max_groups + 1).to_string());
                let request = match max_rows {
                    Some(max_rows) => {
                        request.with_setting("max_rows_to_read", max_rows.to_string())
                    }
                    None => request,
                };
                match filters {
                    Some(filters) => filters.bind(request),
                    None => request,
                }
            })
            .await
    }
}

/// The files of a row, each with its id and its recorded size.
const FILES: &str = "if(files = '', arrayMap(it -> (it, toUInt64(0)), file_ids), \
     arrayMap(it -> (toUUIDOrZero(JSONExtractString(it, 'file_id')), JSONExtractUInt(it, 'size_bytes')), \
              JSONExtractArrayRaw(files)))";

impl TenantTables {
    /// Counts the files that the tenant's events reference, each once, and their bytes.
    pub(crate) async fn file_totals(&self) -> Result<FileTotals, Failure> {
        let sql = format!(
            "SELECT count() AS files, sum(size) AS bytes FROM \
             (SELECT tupleElement(file, 1) AS id, max(tupleElement(file, 2)) AS size FROM \
              (SELECT arrayJoin({FILES}) AS file FROM {OWN_ROWS} AND notEmpty(file_ids)) GROUP BY id)"
        );
        let statement = self.statement(sql)?;
        let client = &self.client;
        let rows = client.fetch::<TotalsRow>("file_totals", |it| statement.on(it));
        let TotalsRow { files, bytes } = rows.await?.pop().unwrap_or_default();
        Ok(FileTotals { files, bytes })
    }
}

#[derive(Debug, Default, clickhouse::Row, serde::Deserialize)]
struct TotalsRow {
    files: u64,
    bytes: u64,
}

fn groups(grouping: Grouping) -> String {
    let number = grouping.bucket.map_or("0", |_| NUMBER);
    let (kind, source) = match grouping.dimension {
        None => ("0", "0"),
        Some(Dimension::EventType) => ("event_type_id", "0"),
        Some(Dimension::SourceType) => ("source_type_id", "0"),
        Some(Dimension::Source) => ("source_type_id", "source_id"),
    };
    format!("toInt64({number}) AS number, toInt32({kind}) AS kind, toInt64({source}) AS source")
}

fn of_table(groups: &str, rows: &str, condition: &str) -> String {
    format!(
        "SELECT {groups}, count() AS events, events AS rows FROM {rows}{condition} GROUP BY number, kind, source"
    )
}

fn tally(counted: Vec<GroupRow>, grouping: Grouping) -> Stats {
    let mut tally = Tally::new(grouping);
    for row in counted {
        let GroupRow {
            number,
            kind,
            source,
            events,
            rows: _,
        } = row;
        let kind = match grouping.dimension {
            None => Kind::Any,
            Some(Dimension::EventType) => Kind::EventType(kind),
            Some(Dimension::SourceType) => Kind::SourceType(kind),
            Some(Dimension::Source) => Kind::Source {
                source_type_id: kind,
                source_id: source,
            },
        };
        if !tally.add(number, kind, events) {
            return Stats::TooMany;
        }
    }
    tally.finish()
}

#[derive(Debug, clickhouse::Row, serde::Deserialize)]
pub(super) struct GroupRow {
    number: i64,
    kind: i32,
    source: i64,
    pub(super) events: u64,
    /// The rows that were looked at, or again the events where that is not known.
    rows: u64,
}
