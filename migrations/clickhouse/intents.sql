-- What the services are about to store: the last of it, in the memory of each server alone. So that two of them do not store
-- different events under one id, each says first under which ids it stores what. Ids and contents are hashes.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier}
(
    key          UInt64,
    content      UInt128,
    attempt      UInt64,
    is_withdrawn UInt8,
    at           DateTime64(3) DEFAULT now64(3)
)
ENGINE = Memory
SETTINGS min_rows_to_keep = 1000000, max_rows_to_keep = 2000000
COMMENT 'event-history schema 1'
