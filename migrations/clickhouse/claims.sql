-- What only one may have, on a cluster: the name of a tenant, by its client id. Keeper decides about each key by itself.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier}
(
    key   String,
    owner UUID
)
ENGINE = KeeperMap('/event-history/claims')
PRIMARY KEY key
COMMENT 'event-history schema 1'
