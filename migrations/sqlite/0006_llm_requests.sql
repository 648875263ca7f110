-- What each request to a language model took. Nothing that was said is in it.
CREATE TABLE llm_requests (
    id                TEXT PRIMARY KEY,
    time              INTEGER NOT NULL,
    purpose           TEXT NOT NULL,
    subject           TEXT,
    prompt            TEXT NOT NULL,
    model             TEXT NOT NULL,
    outcome           TEXT NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost_micro_usd    INTEGER,
    first_token_ms    INTEGER,
    latency_ms        INTEGER NOT NULL
) STRICT;
CREATE INDEX llm_requests_of_subject ON llm_requests (subject, time);
CREATE INDEX llm_requests_by_time ON llm_requests (time);
