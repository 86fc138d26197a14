-- How far each mapping has come in each shard.
CREATE TABLE checkpoint (
    mapping TEXT NOT NULL,
    shard TEXT NOT NULL,
    -- The sequence number of the last record that is done, with all before it; "" for none.
    sequence TEXT NOT NULL,
    -- The shard is closed, and all its records are done.
    finished INTEGER NOT NULL,
    -- The open windows, as JSON; "" for none.
    windows TEXT NOT NULL,
    PRIMARY KEY (mapping, shard)
) WITHOUT ROWID;
