CREATE TABLE job_offers (
    id         TEXT PRIMARY KEY,
    status     TEXT NOT NULL,
    title      TEXT NOT NULL,
    body       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE candidates (
    id          TEXT PRIMARY KEY,
    username    TEXT UNIQUE,
    name        TEXT NOT NULL,
    email       TEXT,
    headline    TEXT,
    resume_text TEXT,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE applications (
    id           TEXT PRIMARY KEY,
    candidate_id TEXT NOT NULL REFERENCES candidates (id),
    job_offer_id TEXT NOT NULL REFERENCES job_offers (id),
    status       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    UNIQUE (candidate_id, job_offer_id)
) STRICT;

-- The secret of a link is kept only as its SHA-256.
CREATE TABLE invitations (
    id             TEXT PRIMARY KEY,
    kind           TEXT NOT NULL CHECK (kind IN ('personal', 'open')),
    application_id TEXT REFERENCES applications (id),
    job_offer_id   TEXT NOT NULL REFERENCES job_offers (id),
    parent_id      TEXT REFERENCES invitations (id),
    token_hash     TEXT NOT NULL UNIQUE,
    max_attempts   INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    revoked_at     INTEGER,
    CHECK ((kind = 'personal') = (application_id IS NOT NULL))
) STRICT;
CREATE INDEX invitations_of_parent ON invitations (parent_id, created_at);
CREATE INDEX invitations_of_application ON invitations (application_id);

-- What a candidate agreed to or declined; the last row counts.
CREATE TABLE consents (
    position       INTEGER PRIMARY KEY AUTOINCREMENT,
    application_id TEXT NOT NULL REFERENCES applications (id),
    version        TEXT NOT NULL,
    accepted       INTEGER NOT NULL,
    recording      INTEGER NOT NULL,
    given_at       INTEGER NOT NULL,
    withdrawn_at   INTEGER
) STRICT;
CREATE INDEX consents_of_application ON consents (application_id, position);

-- The owner is a job offer, or an application that has a plan of its own. Plans never change.
CREATE TABLE interview_plans (
    owner      TEXT NOT NULL,
    version    INTEGER NOT NULL,
    body       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (owner, version)
) STRICT;
