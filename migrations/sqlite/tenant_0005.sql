-- The words of events (src/domain/event/words.rs), for search. A row's number is made of the time of its event, so that
-- matches come in the order of time, and of the event's number: see src/store/sqlite/tables/words/index.rs. The text is not
-- kept, nor where in it a word stands.
CREATE VIRTUAL TABLE words USING fts5 (
    terms, content = '', columnsize = 0, detail = none, tokenize = 'ascii'
);

-- How far the index has come: one row. Events behind this number are few, unless the database is older than the index.
CREATE TABLE word_index (
    only_row     INTEGER PRIMARY KEY CHECK (only_row = 1),
    last_indexed INTEGER NOT NULL, -- the number of an event
    -- Words that were removed may still be in what tells its pages apart, until it is merged: 1 to begin that, 2 to go on.
    merging      INTEGER NOT NULL
) STRICT;

INSERT INTO word_index VALUES (1, 0, 0);

-- Events as they are indexed, of those that were changed or deleted since: what is needed to take their words out of the
-- index, which the writer does. The triggers write no words, so that every SQLite can delete events.
CREATE TABLE changed_events (
    sequence       INTEGER PRIMARY KEY,
    event_id       BLOB NOT NULL,
    time_us        INTEGER NOT NULL,
    time_digits    INTEGER NOT NULL,
    event_type_id  INTEGER NOT NULL,
    record_id      INTEGER NOT NULL,
    source_id      INTEGER NOT NULL,
    source_type_id INTEGER NOT NULL,
    source_name    TEXT NOT NULL,
    source_info    TEXT NOT NULL,
    file_id        BLOB,
    files          TEXT,
    redactions     TEXT,
    received_after_us INTEGER NOT NULL,
    checksum       INTEGER NOT NULL,
    event_data     TEXT NOT NULL
) STRICT;

CREATE TRIGGER events_deleted_words AFTER DELETE ON events
    WHEN old.sequence <= (SELECT last_indexed FROM word_index)
BEGIN
    INSERT INTO changed_events VALUES (old.sequence, old.event_id, old.time_us, old.time_digits, old.event_type_id,
        old.record_id, old.source_id, old.source_type_id, old.source_name, old.source_info, old.file_id, old.files,
        old.redactions, old.received_after_us, old.checksum, old.event_data)
        ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER events_changed_words
    AFTER UPDATE OF time_us, source_name, source_info, files, event_data ON events
    WHEN old.sequence <= (SELECT last_indexed FROM word_index)
BEGIN
    INSERT INTO changed_events VALUES (old.sequence, old.event_id, old.time_us, old.time_digits, old.event_type_id,
        old.record_id, old.source_id, old.source_type_id, old.source_name, old.source_info, old.file_id, old.files,
        old.redactions, old.received_after_us, old.checksum, old.event_data)
        ON CONFLICT DO NOTHING;
END;
