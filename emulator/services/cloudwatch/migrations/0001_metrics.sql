CREATE TABLE metric (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    -- JSON: pairs of names and values, in the order of the names.
    dimensions TEXT NOT NULL,
    -- Of the latest data (seconds since the epoch).
    latest INTEGER NOT NULL,
    UNIQUE (account, region, namespace, name, dimensions)
);

CREATE TABLE data (
    metric INTEGER NOT NULL,
    -- Where the stretch of time begins (seconds since the epoch), and how long it is.
    at INTEGER NOT NULL,
    width INTEGER NOT NULL,
    unit TEXT NOT NULL,
    samples REAL NOT NULL,
    total REAL NOT NULL,
    least REAL NOT NULL,
    most REAL NOT NULL,
    -- Pairs of a value and how often it was there; NULL where only statistics are known.
    spread BLOB,
    PRIMARY KEY (metric, at, width, unit)
) WITHOUT ROWID;

CREATE INDEX data_by_width ON data (width, at);

CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    alarm TEXT NOT NULL,
    -- MetricAlarm or CompositeAlarm.
    kind TEXT NOT NULL,
    at REAL NOT NULL,
    -- ConfigurationUpdate, StateUpdate or Action.
    item TEXT NOT NULL,
    summary TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX history_by_alarm ON history (account, region, alarm, at);
