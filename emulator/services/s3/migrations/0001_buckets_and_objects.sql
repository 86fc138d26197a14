-- Names of buckets are taken by one account in all regions.
CREATE TABLE buckets (
    name TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    created_at REAL NOT NULL,
    -- '' (never had any), 'Enabled' or 'Suspended'.
    versioning TEXT NOT NULL DEFAULT '',
    object_lock INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Policy, lifecycle, tags and so on: kept whole, by kind and (where a bucket has several) by id.
CREATE TABLE bucket_documents (
    bucket TEXT NOT NULL REFERENCES buckets (name) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (bucket, kind, id)
) STRICT, WITHOUT ROWID;

-- Every version of every object; the newest of a key has the highest number.
CREATE TABLE objects (
    number INTEGER PRIMARY KEY,
    bucket TEXT NOT NULL REFERENCES buckets (name),
    key TEXT NOT NULL,
    -- 'null' for one that was put while versioning was not enabled.
    version TEXT NOT NULL,
    is_latest INTEGER NOT NULL,
    is_delete_marker INTEGER NOT NULL DEFAULT 0,
    size INTEGER NOT NULL DEFAULT 0,
    etag TEXT NOT NULL DEFAULT '',
    modified_at REAL NOT NULL,
    -- What it holds: in the row where it is small, else in a file of this name.
    content BLOB,
    file TEXT NOT NULL DEFAULT '',
    -- JSON: headers, metadata, checksums, tags, parts, lock.
    details TEXT NOT NULL DEFAULT '{}',
    UNIQUE (bucket, key, version)
) STRICT;

CREATE INDEX objects_latest ON objects (bucket, key) WHERE is_latest = 1;

CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    bucket TEXT NOT NULL REFERENCES buckets (name),
    key TEXT NOT NULL,
    started_at REAL NOT NULL,
    details TEXT NOT NULL
) STRICT;

CREATE TABLE parts (
    upload TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    part INTEGER NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified_at REAL NOT NULL,
    file TEXT NOT NULL,
    details TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (upload, part)
) STRICT, WITHOUT ROWID;
