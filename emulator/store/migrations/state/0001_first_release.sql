-- The whole state of the emulator but for code and layers, which are files (see blobs.py).
-- Times are seconds since the epoch, positions and ids are microseconds since the epoch.

-- What the control plane knows: functions, versions, aliases, mappings, policies, tags.
CREATE TABLE documents (
    kind    TEXT NOT NULL,
    account TEXT NOT NULL,
    region  TEXT NOT NULL,
    key     TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (kind, account, region, key)
) WITHOUT ROWID;

-- A purge gives a queue a new id, whatever its depth; the old one's messages are collected later.
CREATE TABLE queues (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
);

CREATE TABLE dropped_queues (id INTEGER PRIMARY KEY);

-- Written once, deleted once. The body stands last, so that reading the rest skips its pages.
CREATE TABLE messages (
    -- Never used twice, even if the clock goes back: receipt handles carry it.
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    queue         INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    sent_at       REAL NOT NULL,
    message_id    TEXT NOT NULL,
    group_id      TEXT,
    deduplication TEXT,
    source        TEXT,
    size          INTEGER NOT NULL,
    headers       TEXT NOT NULL,
    body          TEXT NOT NULL
);
CREATE INDEX messages_by_position ON messages (queue, position);

-- What receiving changed about a message. Apart from the message, so that its body is not
-- written again at each receive.
CREATE TABLE leases (
    id                INTEGER PRIMARY KEY,
    visible_at        REAL NOT NULL,
    receives          INTEGER NOT NULL,
    uncounted         INTEGER NOT NULL,
    first_received_at REAL NOT NULL,
    held              INTEGER NOT NULL
);

-- FIFO deduplication outlives the message it remembers.
CREATE TABLE deduplications (
    queue      INTEGER NOT NULL,
    key        BLOB NOT NULL,
    expires_at REAL NOT NULL,
    message_id TEXT NOT NULL,
    position   INTEGER NOT NULL,
    PRIMARY KEY (queue, key)
) WITHOUT ROWID;
CREATE INDEX deduplications_by_expiry ON deduplications (expires_at);
