-- How long the events of tenants stay. Of the rows of one tenant the one with the highest revision counts.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier}
(
    client_id UUID,
    revision  UInt64 COMMENT 'microseconds since 1970-01-01T00:00:00Z, or more',
    rules     String COMMENT 'JSON: src/domain/data_lifecycle/retention.rs'
)
ENGINE = $GLOBAL_ENGINE(ReplacingMergeTree, revision)
ORDER BY client_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'event-history schema 1'
