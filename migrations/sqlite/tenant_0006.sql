-- Legal holds: what they cover is neither deleted nor redacted.
CREATE TABLE holds (
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    record_id  INTEGER,      -- NULL: all records
    reason     TEXT NOT NULL,
    created_at TEXT NOT NULL -- RFC 3339, UTC
) STRICT, WITHOUT ROWID;

-- How long events stay: one row, or none if they stay for ever.
CREATE TABLE retention (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    rules    TEXT NOT NULL -- JSON: src/domain/data_lifecycle/retention.rs
) STRICT;
