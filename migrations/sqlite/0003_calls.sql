CREATE TABLE calls (
    id             TEXT PRIMARY KEY,
    application_id TEXT NOT NULL,
    attempt        INTEGER NOT NULL,
    plan_version   INTEGER NOT NULL,
    status         TEXT NOT NULL,
    end_reason     TEXT,
    created_at     INTEGER NOT NULL,
    started_at     INTEGER,
    ended_at       INTEGER,
    media_ms       INTEGER NOT NULL,
    coverage       TEXT NOT NULL,
    engine         TEXT NOT NULL,
    UNIQUE (application_id, attempt)
) STRICT;
-- An application has at most one call that is not over.
CREATE UNIQUE INDEX calls_open ON calls (application_id)
    WHERE status IN ('created', 'ready', 'in_progress', 'paused', 'reconnecting');

CREATE TABLE segments (
    id       TEXT PRIMARY KEY,
    call_id  TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    speaker  TEXT NOT NULL,
    text     TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms   INTEGER NOT NULL,
    words    TEXT NOT NULL,
    -- Everything else about the segment.
    detail   TEXT NOT NULL
) STRICT;
CREATE INDEX segments_of_call ON segments (call_id, start_ms);

-- What happened in a call, in order; only ever appended.
CREATE TABLE call_events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    call_id  TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    time     INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    data     TEXT NOT NULL
) STRICT;
CREATE INDEX call_events_of_call ON call_events (call_id, position);
