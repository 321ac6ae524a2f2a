-- When each key was used last. Of several rows of one key the latest time counts.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier}
(
    id      UUID,
    used_at DateTime64(6, 'UTC')
)
ENGINE = $GLOBAL_ENGINE(ReplacingMergeTree, used_at)
ORDER BY id
COMMENT 'event-history schema 1'
