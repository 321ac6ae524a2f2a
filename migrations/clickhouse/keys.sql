-- The keys that were made while the service ran. Only a hash of each is kept. A revoked key has a second row, without the
-- hash, that replaces the first. On a cluster every replica has all keys.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier}
(
    id         UUID,
    revision   UInt8 COMMENT '0 made, 1 revoked',
    sha256     FixedString(32),
    name       String,
    scopes     UInt8 COMMENT 'the sum of 1 write, 2 read, 4 admin',
    client_id  Nullable(UUID) COMMENT 'null: for all tenants',
    created_at DateTime64(9, 'UTC'),
    expires_at Nullable(DateTime64(6, 'UTC'))
)
ENGINE = $GLOBAL_ENGINE(ReplacingMergeTree, revision)
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'event-history schema 1'
