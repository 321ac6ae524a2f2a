-- The tenant entries. application_id is 'EHrg' in ASCII: it tells this file from other databases.
PRAGMA application_id = 0x45487267;

CREATE TABLE tenants (
    database_name        TEXT NOT NULL PRIMARY KEY, -- compared byte for byte: letter case counts
    client_id            BLOB NOT NULL UNIQUE CHECK (length(client_id) = 16),
    client_label         TEXT NOT NULL,
    client_secret_sha256 BLOB NOT NULL CHECK (length(client_secret_sha256) = 32),
    created_at           TEXT NOT NULL,             -- RFC 3339, UTC
    -- 'creating' and 'deleting' are work that a crash may have cut short. A hidden tenant was deleted, and can be restored.
    state                TEXT NOT NULL CHECK (state IN ('creating', 'ready', 'hidden', 'deleting')),
    -- Of a hidden tenant, and while it is deleted for good; of a restored one, what they were.
    restorable_until_us  INTEGER, -- microseconds since 1970-01-01T00:00:00Z
    hidden_with_files    INTEGER CHECK (hidden_with_files IN (0, 1))
) STRICT, WITHOUT ROWID;

-- Tells this database from every other one: what belongs to it, files above all, is marked with the id.
CREATE TABLE database (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id       BLOB NOT NULL CHECK (length(id) = 16)
) STRICT;

INSERT INTO database (only_row, id) VALUES (1, randomblob(16));

-- The keys that were made while the service ran. Only a hash of each is kept.
CREATE TABLE keys (
    id           BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    sha256       BLOB NOT NULL CHECK (length(sha256) = 32),
    name         TEXT NOT NULL,
    scopes       INTEGER NOT NULL CHECK (scopes BETWEEN 1 AND 7), -- the sum of 1 write, 2 read, 4 admin
    client_id    BLOB CHECK (length(client_id) = 16),             -- null: for all tenants
    created_at   TEXT NOT NULL,                                   -- RFC 3339, UTC, as the times below
    expires_at   TEXT,
    last_used_at TEXT
) STRICT, WITHOUT ROWID;

-- The secrets of tenants that were rotated. A tenant without a row has the secret of its entry.
CREATE TABLE secrets (
    client_id               BLOB NOT NULL PRIMARY KEY CHECK (length(client_id) = 16),
    sha256                  BLOB NOT NULL CHECK (length(sha256) = 32),
    previous_sha256         BLOB CHECK (length(previous_sha256) = 32),
    previous_valid_until_us INTEGER, -- microseconds since 1970-01-01T00:00:00Z, as the time below
    rotated_at_us           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
