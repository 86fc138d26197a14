-- A table: the body is what CreateTable and later calls have said, as JSON.
CREATE TABLE tables (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (account, region, name)
) STRICT;

-- Items in the order of a scan: by the hash of the partition key, then by the sort key.
CREATE TABLE items (
    table_number INTEGER NOT NULL,
    partition BLOB NOT NULL,
    sort BLOB NOT NULL,
    body BLOB NOT NULL,
    size INTEGER NOT NULL,
    -- When it expires, in seconds since the epoch.
    expires REAL,
    PRIMARY KEY (table_number, partition, sort)
) STRICT, WITHOUT ROWID;
CREATE INDEX items_expiring ON items (table_number, expires) WHERE expires IS NOT NULL;

-- Entries of secondary indexes, which lead to items.
CREATE TABLE entries (
    table_number INTEGER NOT NULL,
    index_number INTEGER NOT NULL,
    partition BLOB NOT NULL,
    sort BLOB NOT NULL,
    item_partition BLOB NOT NULL,
    item_sort BLOB NOT NULL,
    PRIMARY KEY (table_number, index_number, partition, sort, item_partition, item_sort)
) STRICT, WITHOUT ROWID;

-- Streams outlive their tables for a day.
CREATE TABLE streams (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    table_name TEXT NOT NULL,
    label TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (account, region, table_name, label)
) STRICT;

CREATE TABLE records (
    stream_number INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at REAL NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (stream_number, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX records_by_time ON records (at);

-- Transactions that were done, for callers that ask again with the same token.
CREATE TABLE tokens (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    token TEXT NOT NULL,
    request BLOB NOT NULL,
    answer BLOB NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (account, region, token)
) STRICT, WITHOUT ROWID;

-- Backups: a table's body, and its items.
CREATE TABLE backups (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    arn TEXT NOT NULL UNIQUE,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE backup_items (
    backup_number INTEGER NOT NULL,
    partition BLOB NOT NULL,
    sort BLOB NOT NULL,
    body BLOB NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (backup_number, partition, sort)
) STRICT, WITHOUT ROWID;
