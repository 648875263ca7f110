-- Answers of language models to prompts that may come again after a crash or a retry. They may quote a candidate: they
-- belong to their subject (a call or a job offer) and go with it.
CREATE TABLE llm_replies (
    -- SHA-256 of everything the answer depends on.
    key     TEXT PRIMARY KEY,
    subject TEXT,
    purpose TEXT NOT NULL,
    -- Words, tool calls, and why it ended, as JSON.
    reply   TEXT NOT NULL,
    stored  INTEGER NOT NULL
) STRICT;
CREATE INDEX llm_replies_of_subject ON llm_replies (subject);
CREATE INDEX llm_replies_by_time ON llm_replies (stored);
