-- The events of one tenant, in the total order of events. UUIDToNum: a UUID by itself sorts by its second
-- half first. The projections are indexes: they keep row numbers instead of rows. docs/benchmarks.md has
-- what this layout costs, and what others would.
-- An acknowledged part is on disk, its directory too. $ON_CLUSTER and $REPLICATED are empty unless a
-- cluster is given.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier} $ON_CLUSTER
(
    event_id       UUID,
    time_us        Int64 COMMENT 'microseconds since 1970-01-01T00:00:00Z' CODEC(DoubleDelta, ZSTD(1)),
    time_digits    UInt8 COMMENT 'how many digits of the second''s fraction were sent, 0 to 6',
    event_type_id  Int32,
    record_id      Int64,
    source_id      Int64,
    source_type_id Int32,
    source_name    String CODEC(ZSTD(1)),
    source_info    String CODEC(ZSTD(1)),
    file_id        Nullable(UUID),
    event_data     String COMMENT 'a JSON array' CODEC(ZSTD(1)),
    PROJECTION by_id (SELECT event_id, _part_offset ORDER BY event_id),
    PROJECTION by_record (SELECT record_id, time_us, _part_offset ORDER BY record_id, time_us)
)
ENGINE = $REPLICATEDReplacingMergeTree
ORDER BY (time_us, UUIDToNum(event_id))
SETTINGS
    index_granularity = 1024,
    deduplicate_merge_projection_mode = 'rebuild',
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'event-history schema 1'
