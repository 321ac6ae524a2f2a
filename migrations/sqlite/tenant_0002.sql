-- Every file that an event references, and every tombstoned file, which a sweep may remove: never both.
CREATE TABLE files (
    file_id      BLOB NOT NULL PRIMARY KEY CHECK (length(file_id) = 16),
    tombstoned_s INTEGER, -- seconds since 1970; NULL: an event references it
    -- How many references there are, so that the file is released with the last of them. People who delete events by hand
    -- need not know of it: the file is kept then.
    events       INTEGER NOT NULL DEFAULT 0,
    size_bytes   INTEGER -- NULL: nothing but the id was recorded
) STRICT, WITHOUT ROWID;

INSERT INTO files (file_id, events)
    SELECT file_id, count(*) FROM events WHERE file_id IS NOT NULL GROUP BY file_id;
