-- The tombstoned files of one tenant, which a sweep may remove: no event that references one is stored.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier} $ON_CLUSTER
(
    file_id     UUID,
    tombstoned_at DateTime DEFAULT now(),
    -- 1: an event turned out to reference it, so it stays.
    withdrawn   UInt8 DEFAULT 0
)
ENGINE = $TOMBSTONES_ENGINE
ORDER BY file_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'event-history schema 1'
