-- Ids of applications and candidates whose data was erased: nothing is stored for them again, by nobody who was
-- still at work when it happened.
CREATE TABLE erased (
    id        TEXT PRIMARY KEY,
    erased_at INTEGER NOT NULL
) STRICT;
