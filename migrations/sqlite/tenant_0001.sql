-- The events of one tenant. application_id is 'EHev' in ASCII: it tells this file from other databases.
PRAGMA application_id = 0x45486576;

-- Whose database this is: one row, written when the file is made. It holds all of the tenant entry, so that an entry
-- that was lost can be restored from it.
CREATE TABLE tenant (
    only_row             INTEGER PRIMARY KEY CHECK (only_row = 1),
    client_id            BLOB NOT NULL CHECK (length(client_id) = 16),
    database_name        TEXT NOT NULL,
    client_label         TEXT NOT NULL,
    client_secret_sha256 BLOB NOT NULL CHECK (length(client_secret_sha256) = 32),
    created_at           TEXT NOT NULL -- RFC 3339, UTC
) STRICT;

CREATE TABLE events (
    event_id       BLOB NOT NULL UNIQUE CHECK (length(event_id) = 16),
    time_us        INTEGER NOT NULL, -- microseconds since 1970-01-01T00:00:00Z
    time_digits    INTEGER NOT NULL, -- how many digits of the second's fraction were sent, 0 to 6
    event_type_id  INTEGER NOT NULL,
    record_id      INTEGER NOT NULL,
    source_id      INTEGER NOT NULL,
    source_type_id INTEGER NOT NULL,
    source_name    TEXT NOT NULL,
    source_info    TEXT NOT NULL,
    file_id        BLOB CHECK (length(file_id) = 16),
    files          TEXT,             -- what is recorded of the event's files: a JSON array, NULL where the id says it all
    checksum       INTEGER NOT NULL, -- XXH3 of all other columns (checksum.rs): a flipped bit is no other value
    event_data     TEXT NOT NULL     -- a JSON array; last, since what follows a large value is slow to reach
) STRICT;

-- The total order, for the pages without a filter; and one record's history, the page that is read most.
CREATE INDEX events_by_time ON events (time_us, event_id);
CREATE INDEX events_by_record ON events (record_id, time_us, event_id);
