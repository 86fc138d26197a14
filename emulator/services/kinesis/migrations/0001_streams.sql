CREATE TABLE stream (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (account, region, name)
);

CREATE TABLE consumer (
    arn TEXT PRIMARY KEY,
    stream INTEGER NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE shard (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream INTEGER NOT NULL,
    number INTEGER NOT NULL,
    -- The number of the last record that was trimmed: numbers are never used again.
    last INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL
);

-- The records of one shard that came with one request, one after the other.
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    shard INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    -- Milliseconds since the epoch.
    arrived INTEGER NOT NULL,
    size INTEGER NOT NULL,
    records BLOB NOT NULL
);

CREATE INDEX chunk_by_shard ON chunk (shard, last, first, arrived, size);
