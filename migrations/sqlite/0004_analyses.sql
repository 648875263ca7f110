-- One assessment per finished call; a redelivered event replaces it.
CREATE TABLE analyses (
    id             TEXT PRIMARY KEY,
    application_id TEXT NOT NULL,
    call_id        TEXT NOT NULL UNIQUE,
    status         TEXT NOT NULL,
    body           TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    completed_at   INTEGER
) STRICT;
CREATE INDEX analyses_of_application ON analyses (application_id, created_at);
