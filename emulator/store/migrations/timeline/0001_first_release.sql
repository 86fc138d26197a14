-- The timeline, in a file of its own: it is written often, and lost lightly.
-- Times are seconds since the epoch.

CREATE TABLE journal (
    identity   TEXT NOT NULL,
    known_from REAL NOT NULL
);

CREATE TABLE pages (
    last    INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    content BLOB NOT NULL
);
