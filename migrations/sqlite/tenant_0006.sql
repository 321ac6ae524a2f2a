-- Legal holds: what they cover is neither deleted nor redacted.
CREATE TABLE holds (
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    record_id  INTEGER,      -- NULL: all records
    reason     TEXT NOT NULL,
    created_at TEXT NOT NULL -- RFC 3339, UTC
) STRICT, WITHOUT ROWID;
