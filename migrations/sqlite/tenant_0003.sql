-- How many events there are, kept in the transactions that store them: a page need not count what it does not show.
CREATE TABLE record_counts (
    record_id     INTEGER NOT NULL,
    event_type_id INTEGER NOT NULL,
    events        INTEGER NOT NULL,
    PRIMARY KEY (record_id, event_type_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE type_counts (
    event_type_id INTEGER NOT NULL PRIMARY KEY,
    events        INTEGER NOT NULL
) STRICT;

INSERT INTO record_counts
    SELECT record_id, event_type_id, count(*) FROM events GROUP BY record_id, event_type_id;
INSERT INTO type_counts
    SELECT event_type_id, sum(events) FROM record_counts GROUP BY event_type_id;

-- The service deletes no event and moves none to another record. People who do, by hand, need not know of the counts.
CREATE TRIGGER events_deleted AFTER DELETE ON events BEGIN
    UPDATE record_counts SET events = events - 1
        WHERE record_id = old.record_id AND event_type_id = old.event_type_id;
    UPDATE type_counts SET events = events - 1 WHERE event_type_id = old.event_type_id;
END;

CREATE TRIGGER events_moved AFTER UPDATE OF record_id, event_type_id ON events BEGIN
    UPDATE record_counts SET events = events - 1
        WHERE record_id = old.record_id AND event_type_id = old.event_type_id;
    UPDATE type_counts SET events = events - 1 WHERE event_type_id = old.event_type_id;
    INSERT INTO record_counts VALUES (new.record_id, new.event_type_id, 1)
        ON CONFLICT DO UPDATE SET events = events + 1;
    INSERT INTO type_counts VALUES (new.event_type_id, 1)
        ON CONFLICT DO UPDATE SET events = events + 1;
END;
