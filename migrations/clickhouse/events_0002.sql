-- The words that events are found by. Events that are there already have none, and are found by none: a copy of them has.
ALTER TABLE {database:Identifier}.{table:Identifier} ADD COLUMN IF NOT EXISTS
    words Array(String) COMMENT 'what the event is found by: src/domain/event/words.rs' CODEC(ZSTD(1)) AFTER file_ids;
ALTER TABLE {database:Identifier}.{table:Identifier} ADD COLUMN IF NOT EXISTS
    redactions String COMMENT 'what was removed, why and by whom, a JSON array; empty if nothing was' CODEC(ZSTD(1)) AFTER files;
ALTER TABLE {database:Identifier}.{table:Identifier} ADD INDEX IF NOT EXISTS
    by_words words TYPE text(tokenizer = 'array');
ALTER TABLE {database:Identifier}.{table:Identifier} MODIFY COMMENT 'event-history schema 2'
