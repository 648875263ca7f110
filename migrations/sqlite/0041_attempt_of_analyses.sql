-- The analysis of the latest attempt is the one that counts, whenever it was made.
ALTER TABLE analyses ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;
UPDATE analyses SET attempt = coalesce((SELECT calls.attempt FROM calls WHERE calls.id = analyses.call_id), 0);
CREATE INDEX analyses_of_attempt ON analyses (application_id, attempt);
