-- Traces, in a file of their own: they are written often, and lost lightly.

CREATE TABLE pages (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    content BLOB NOT NULL
);
