-- The secrets of tenants that were rotated. Only hashes are kept. Of several rows of one tenant the one that was rotated
-- last counts; a tenant without any has the secret of its entry. On a cluster every replica has all of them.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier}
(
    client_id            UUID,
    rotated_at           DateTime64(6, 'UTC'),
    sha256               FixedString(32),
    previous_sha256      FixedString(32),
    previous_valid_until Nullable(DateTime64(6, 'UTC')) COMMENT 'null: there is no previous secret'
)
ENGINE = $GLOBAL_ENGINE(ReplacingMergeTree, rotated_at)
ORDER BY client_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'event-history schema 1'
