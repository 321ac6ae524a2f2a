-- The legal holds of tenants, and what must not run while one is placed: deletions that have begun. Rows of one id replace
-- each other: the one with the highest revision counts. On a cluster every replica has all of them.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier}
(
    client_id  UUID,
    id         UUID,
    kind       Enum8('hold' = 0, 'tenant deletion' = 1, 'event deletion' = 2),
    revision   UInt8 COMMENT '0 in force, 1 ended',
    record_id  Nullable(Int64) COMMENT 'of a hold; NULL: all records',
    reason     String COMMENT 'of a hold',
    created_at DateTime64(9, 'UTC'),
    written_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'by the clock of this server'
)
ENGINE = $GLOBAL_ENGINE(ReplacingMergeTree, revision)
ORDER BY (client_id, id)
TTL toDateTime(written_at) + INTERVAL 1 DAY DELETE WHERE kind != 'hold'
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'event-history schema 1'
