-- Events: those of all pooled tenants in one table, those of a dedicated tenant in a table of its own. Within a tenant
-- they are in the total order of events. UUIDToNum: a UUID by itself sorts by its second half first. The projections are
-- indexes: they keep row numbers instead of rows. docs/benchmarks-layouts.md has what this layout costs.
-- Of several rows of one event the one with the greatest version counts: the latest revision, and of one revision the
-- row that was received first. Rows of tenants are deleted by patch parts, which need the block columns.
-- An acknowledged part is on disk, its directory too.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier}
(
    client_id      UUID,
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
    files          String COMMENT 'what is recorded of the files, a JSON array; empty where file_id says it all'
        CODEC(ZSTD(1)),
    redactions     String COMMENT 'what was removed, why and by whom, a JSON array; empty if nothing was' CODEC(ZSTD(1)),
    file_ids       Array(UUID) MATERIALIZED if(
        files = '',
        if(isNull(file_id), [], [assumeNotNull(file_id)]),
        arrayMap(it -> toUUIDOrZero(JSONExtractString(it, 'file_id')), JSONExtractArrayRaw(files))),
    words          Array(String) COMMENT 'what the event is found by: src/domain/event/words.rs' CODEC(ZSTD(1)),
    received_at    DateTime64(6, 'UTC') DEFAULT greatest(now64(6), not_before)
        COMMENT 'by the clock of the server that took the INSERT' CODEC(Delta(8), ZSTD(1)),
    not_before     DateTime64(6, 'UTC') EPHEMERAL
        COMMENT 'sent with an INSERT, not stored: up to here events may have been shown already',
    revision       UInt16 DEFAULT 0 COMMENT 'how often something was removed; below 4096',
    version        UInt64 MATERIALIZED bitShiftLeft(toUInt64(revision), 52)
        + (bitShiftLeft(toUInt64(1), 52) - 1 - toUInt64(toUnixTimestamp64Micro(received_at)))
        CODEC(Delta(8), ZSTD(1)),
    INDEX by_arrival received_at TYPE minmax GRANULARITY 1,
    INDEX by_words words TYPE text(tokenizer = 'array'),
    PROJECTION by_id (SELECT client_id, event_id, _part_offset ORDER BY client_id, event_id),
    PROJECTION by_record (
        SELECT client_id, record_id, time_us, _part_offset ORDER BY client_id, record_id, time_us)
)
ENGINE = $ENGINE(ReplacingMergeTree, version)
ORDER BY (client_id, time_us, UUIDToNum(event_id))
SETTINGS
    index_granularity = 1024,
    deduplicate_merge_projection_mode = 'rebuild',
    lightweight_mutation_projection_mode = 'rebuild',
    enable_block_number_column = 1,
    enable_block_offset_column = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'event-history schema 2'
