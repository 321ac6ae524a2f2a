-- What is recorded of the files that an event references (a JSON array, empty where `file_id` says it
-- all), and the ids of all of them, by which a sweep asks.
ALTER TABLE {database:Identifier}.{table:Identifier} $ON_CLUSTER
    ADD COLUMN IF NOT EXISTS files String COMMENT 'a JSON array' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS file_ids Array(UUID) MATERIALIZED if(
        files = '',
        if(isNull(file_id), [], [assumeNotNull(file_id)]),
        arrayMap(it -> toUUIDOrZero(JSONExtractString(it, 'file_id')), JSONExtractArrayRaw(files))),
    MODIFY COMMENT 'event-history schema 2'
