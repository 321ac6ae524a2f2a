-- The tenant entries. Rows of one client id replace each other: the one with the highest revision counts.
-- On a cluster every replica has all entries.
CREATE TABLE IF NOT EXISTS default.tenants
(
    client_id            UUID,
    revision             UInt32
        COMMENT 'modulo 8: 0 creating, 1 ready, 2 hidden, 3 deleting, 4 deleted, 5 emptied, 6 erased',
    database_name        String,
    placement            Enum8('pooled' = 0, 'dedicated' = 1),
    client_label         String,
    client_secret_sha256 FixedString(32),
    created_at           DateTime64(9, 'UTC'),
    written_at           DateTime('UTC') DEFAULT now() COMMENT 'by the clock of this server',
    shard                String DEFAULT '' COMMENT 'the shard of a cluster that has the events',
    label_changes        UInt32 DEFAULT 0 COMMENT 'of several rows of one revision the one with the most counts',
    restorable_until     DateTime64(6, 'UTC') DEFAULT toDateTime64(0, 6, 'UTC') COMMENT 'of a hidden tenant',
    hidden_with_files    Bool DEFAULT false COMMENT 'the files of a hidden tenant are deleted with it'
)
ENGINE = $GLOBAL_ENGINE(ReplacingMergeTree, revision)
ORDER BY client_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'event-history schema 2'
