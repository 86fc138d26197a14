-- Executions of state machines; the pages are their histories.

-- What an execution runs: a revision of a machine, as it was when the execution started.
CREATE TABLE revisions (
    id INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE executions (
    id INTEGER PRIMARY KEY,
    arn TEXT NOT NULL UNIQUE,
    -- The machine's ARN, with the label of a distributed Map behind it for its children.
    machine TEXT NOT NULL,
    revision INTEGER NOT NULL,
    -- The map run whose item it is; NULL for all that was started otherwise.
    map_run INTEGER,
    item INTEGER,
    status TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    stopped_ms INTEGER,
    -- When TimeoutSeconds of the machine ends it.
    deadline_ms INTEGER,
    -- The id of the last event.
    events INTEGER NOT NULL,
    redrives INTEGER NOT NULL DEFAULT 0,
    -- JSON: input, output, error, version, alias ...
    body BLOB NOT NULL
) STRICT;

CREATE INDEX executions_by_machine ON executions (machine, started_ms, id);
CREATE INDEX executions_by_map_run ON executions (map_run, item) WHERE map_run IS NOT NULL;
CREATE INDEX executions_by_end ON executions (stopped_ms) WHERE stopped_ms IS NOT NULL;
CREATE INDEX executions_running ON executions (machine) WHERE status = 'RUNNING';

-- Events that one commit added; JSON, without their ids, which follow one another.
CREATE TABLE pages (
    execution INTEGER NOT NULL,
    last INTEGER NOT NULL,
    events BLOB NOT NULL,
    PRIMARY KEY (execution, last)
) STRICT, WITHOUT ROWID;

-- Where an execution stands: its root, the branches of Parallels, the iterations of Maps.
CREATE TABLE threads (
    execution INTEGER NOT NULL,
    thread TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- Increases each time the thread comes to rest: what is late is told from what is awaited.
    turn INTEGER NOT NULL,
    due_ms INTEGER,
    body BLOB NOT NULL,
    PRIMARY KEY (execution, thread)
) STRICT, WITHOUT ROWID;

CREATE INDEX threads_due ON threads (due_ms) WHERE due_ms IS NOT NULL;

CREATE TABLE map_runs (
    id INTEGER PRIMARY KEY,
    arn TEXT NOT NULL UNIQUE,
    execution INTEGER NOT NULL,
    thread TEXT NOT NULL,
    status TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    stopped_ms INTEGER,
    body BLOB NOT NULL,
    -- The inputs of its children; JSON.
    items BLOB NOT NULL
) STRICT;

CREATE INDEX map_runs_by_execution ON map_runs (execution);
