-- The timeline, in a file of its own: it is written often, and lost lightly.
-- Times are seconds since the epoch.

CREATE TABLE journal (
    identity   TEXT NOT NULL,
    known_from REAL NOT NULL
);

-- The last invocation and the last revision of an environment, of a page and all before it.
CREATE TABLE pages (
    number   INTEGER PRIMARY KEY,
    id       INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    at       REAL NOT NULL,
    content  BLOB NOT NULL
);
