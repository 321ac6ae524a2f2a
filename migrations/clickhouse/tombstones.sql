-- The tombstoned files, which a sweep may remove: no event that references one is stored. Next to each table of events.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier}
(
    client_id     UUID,
    file_id       UUID,
    tombstoned_at DateTime64(6, 'UTC') DEFAULT now64(6),
    -- 1: an event turned out to reference it, so it stays. 2: storage refused to delete it.
    withdrawn     UInt8 DEFAULT 0
)
ENGINE = $ENGINE(MergeTree)
ORDER BY (client_id, file_id)
SETTINGS
    enable_block_number_column = 1,
    enable_block_offset_column = 1,
    fsync_after_insert = 1,
    fsync_part_directory = 1
COMMENT 'event-history schema 1'
