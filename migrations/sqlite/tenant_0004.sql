-- The history of one event type: without it, a page of a type that is rare would read every event there is.
-- Without event_id, which would double it: events of the same microsecond are few, and are sorted.
CREATE INDEX events_by_type ON events (event_type_id, time_us);
