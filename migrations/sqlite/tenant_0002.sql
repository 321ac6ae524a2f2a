-- Every file that an event references, and every tombstoned file, which a sweep may remove: never both.
CREATE TABLE files (
    file_id      BLOB NOT NULL PRIMARY KEY CHECK (length(file_id) = 16),
    tombstoned_s INTEGER -- seconds since 1970; NULL: an event references it
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO files (file_id) SELECT file_id FROM events WHERE file_id IS NOT NULL;
