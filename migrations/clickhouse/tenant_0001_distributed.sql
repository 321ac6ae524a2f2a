-- On a cluster: the table that spreads a tenant's events over the shards, by id, so that both deliveries
-- of an event meet on one of them.
CREATE TABLE IF NOT EXISTS {database:Identifier}.{table:Identifier} $ON_CLUSTER
AS {database:Identifier}.{local:Identifier}
ENGINE = Distributed($CLUSTER, {database:String}, {local:String}, sipHash64(event_id))
COMMENT 'event-history schema 1'
