-- What was taken over from another system knows where it comes from, and is taken over once.
ALTER TABLE job_offers ADD COLUMN external_source TEXT;
ALTER TABLE job_offers ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX job_offers_external ON job_offers (external_source, external_id) WHERE external_id IS NOT NULL;
ALTER TABLE candidates ADD COLUMN source TEXT;

-- The vectors of one candidate or job offer, all of one model; a set is replaced as a whole.
CREATE TABLE embedding_sets (
    owner        TEXT PRIMARY KEY,
    model        TEXT NOT NULL,
    dimension    INTEGER NOT NULL CHECK (dimension > 0),
    -- SHA-256 of the texts: the same texts are not embedded again.
    content_hash TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    UNIQUE (owner, dimension)
) STRICT;

-- Little-endian 32-bit floats of length 1. The dimension is the set's: a vector of another model does not fit in.
CREATE TABLE embedding_vectors (
    owner     TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    field     TEXT NOT NULL,
    vector    BLOB NOT NULL CHECK (length(vector) = 4 * dimension),
    PRIMARY KEY (owner, position),
    FOREIGN KEY (owner, dimension) REFERENCES embedding_sets (owner, dimension) ON DELETE CASCADE
) STRICT;
