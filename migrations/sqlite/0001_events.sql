-- Times are Unix milliseconds, UTC. Bodies are JSON.

-- Events, written in the transaction of the change they tell of.
CREATE TABLE outbox (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    time       INTEGER NOT NULL,
    data       TEXT NOT NULL,
    relayed_at INTEGER
) STRICT;
CREATE INDEX outbox_waiting ON outbox (position) WHERE relayed_at IS NULL;

-- One delivery of an event to one subscriber.
CREATE TABLE jobs (
    id          TEXT PRIMARY KEY,
    event_id    TEXT NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    subscriber  TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('pending', 'running', 'done', 'dead')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    run_at      INTEGER NOT NULL,
    lease_until INTEGER,
    last_error  TEXT,
    finished_at INTEGER,
    UNIQUE (event_id, subscriber)
) STRICT;
CREATE INDEX jobs_due ON jobs (run_at) WHERE status IN ('pending', 'running');

-- Answers to creating requests, kept so that a repeated request gets the same one.
CREATE TABLE idempotency_keys (
    key_hash     TEXT PRIMARY KEY,
    request_hash TEXT NOT NULL,
    -- Sealed with a key that is not in this database; null while the request runs.
    response     BLOB,
    created_at   INTEGER NOT NULL
) STRICT;
