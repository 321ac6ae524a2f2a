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
    sequence       INTEGER PRIMARY KEY, -- the arrival order: the writer counts in the order of commits, and never again
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
    redactions     TEXT,             -- what was removed of the event, why and by whom: a JSON array, NULL if nothing was
    received_after_us INTEGER NOT NULL, -- received_at less time_us: usually small, and so stored in few bytes
    checksum       INTEGER NOT NULL, -- XXH3 of all other columns (checksum.rs): a flipped bit is no other value
    event_data     TEXT NOT NULL     -- a JSON array; last, since what follows a large value is slow to reach
) STRICT;

-- The total order, for the pages without a filter; and one record's history, the page that is read most.
CREATE INDEX events_by_time ON events (time_us, event_id);
CREATE INDEX events_by_record ON events (record_id, time_us, event_id);

-- The arrival order, as far as the events themselves do not tell: one row.
CREATE TABLE arrival (
    only_row            INTEGER PRIMARY KEY CHECK (only_row = 1),
    epoch               INTEGER NOT NULL, -- random; a new one refuses every cursor that was handed out before
    file_created_ns     INTEGER,          -- when the file of this epoch was created, NULL if unknown: a copy has another time
    deleted_sequence    INTEGER NOT NULL, -- of the newest deleted event: its number is not given again
    deleted_received_us INTEGER NOT NULL
) STRICT;

INSERT INTO arrival VALUES (1, random(), NULL, 0, 0);

CREATE TRIGGER events_deleted_arrival AFTER DELETE ON events
    WHEN old.sequence > (SELECT deleted_sequence FROM arrival)
BEGIN
    UPDATE arrival SET deleted_sequence = old.sequence,
        deleted_received_us = max(deleted_received_us, old.time_us + old.received_after_us);
END;
