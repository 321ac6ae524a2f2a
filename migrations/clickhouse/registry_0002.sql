-- The shard of a cluster in which a tenant's events are. Only the column is replicated, not the comment.
ALTER TABLE default.tenants ADD COLUMN IF NOT EXISTS
    shard String DEFAULT '' COMMENT 'the shard of a cluster that has the events';
ALTER TABLE default.tenants MODIFY COMMENT 'event-history schema 2'
