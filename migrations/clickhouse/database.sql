-- Tells this database from every other one: what belongs to it, files above all, is marked with the id in the comment,
-- which is that of whoever made the table. There is nothing in it.
CREATE TABLE IF NOT EXISTS default.tenants_database_id
(
    nothing UInt8
)
ENGINE = Null
COMMENT '$ID'
