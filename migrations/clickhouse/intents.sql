-- What the services are about to store, on each server for itself: that of the last minutes. So that two of them do not store
-- different events under one id, each says first under which ids it stores what. Ids and contents are hashes.
-- A look-up reads the granules of its keys, however many others announce. Partitions of a minute each are dropped whole.
-- What a power cut leaves of a part is put aside: intents that are lost are noticed by those whose they are.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier}
(
    key          UInt64,
    content      UInt128,
    attempt      UInt64,
    is_withdrawn UInt8,
    at           DateTime64(3) DEFAULT now64(3)
)
ENGINE = MergeTree
PARTITION BY toStartOfMinute(at)
ORDER BY key
TTL toDateTime(at) + INTERVAL 2 MINUTE
SETTINGS
    index_granularity = 256,
    ttl_only_drop_parts = 1,
    merge_with_ttl_timeout = 60,
    old_parts_lifetime = 10,
    max_suspicious_broken_parts = 1000000,
    max_suspicious_broken_parts_bytes = 1000000000000
COMMENT 'event-history schema 1'
