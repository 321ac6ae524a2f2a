-- The shard of a cluster in which a tenant's events are, and changes of labels. Only the column is replicated, not the comment.
ALTER TABLE default.tenants ADD COLUMN IF NOT EXISTS
    shard String DEFAULT '' COMMENT 'the shard of a cluster that has the events';
ALTER TABLE default.tenants ADD COLUMN IF NOT EXISTS
    label_changes UInt32 DEFAULT 0 COMMENT 'of several rows of one revision the one with the most counts';
ALTER TABLE default.tenants MODIFY COMMENT 'event-history schema 2'
