-- The shard of a cluster in which a tenant's events are, and changes of labels, and deletions that can be undone. Only the column is replicated, not the comment.
ALTER TABLE default.tenants ADD COLUMN IF NOT EXISTS
    shard String DEFAULT '' COMMENT 'the shard of a cluster that has the events';
ALTER TABLE default.tenants ADD COLUMN IF NOT EXISTS
    label_changes UInt32 DEFAULT 0 COMMENT 'of several rows of one revision the one with the most counts';
ALTER TABLE default.tenants ADD COLUMN IF NOT EXISTS
    restorable_until DateTime64(6, 'UTC') DEFAULT toDateTime64(0, 6, 'UTC') COMMENT 'of a hidden tenant';
ALTER TABLE default.tenants ADD COLUMN IF NOT EXISTS
    hidden_with_files Bool DEFAULT false COMMENT 'the files of a hidden tenant are deleted with it';
ALTER TABLE default.tenants MODIFY COMMENT 'event-history schema 2'
