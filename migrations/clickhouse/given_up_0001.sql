-- The files of one tenant that a sweep was allowed to remove: no event that references one is stored.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier} $ON_CLUSTER
(
    file_id     UUID,
    given_up_at DateTime DEFAULT now(),
    -- 1: an event turned out to reference it, so it stays.
    withdrawn   UInt8 DEFAULT 0
)
ENGINE = $GIVEN_UP_ENGINE
ORDER BY file_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'event-history schema 1'
