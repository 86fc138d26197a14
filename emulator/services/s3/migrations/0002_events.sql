-- What has happened to objects and is still to be told; written in the commit that made it happen.
-- A number is never used again: it tells which event came later.
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL
) STRICT;
