-- Why the last attempt was skipped or waits, or which files matched, for people to read.
ALTER TABLE deliveries ADD COLUMN note TEXT;

-- How often in a row it could not be decided whether to call the function.
ALTER TABLE deliveries ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;

-- Small values that outlive the process: the webhooks that it has registered, the commits that it has made.
CREATE TABLE shared_values (
    key        TEXT PRIMARY KEY,
    value      TEXT NOT NULL,
    expires_at INTEGER
) WITHOUT ROWID;

CREATE INDEX shared_values_expiring ON shared_values (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE shared_leases (
    name        TEXT PRIMARY KEY,
    holder      BLOB NOT NULL,
    lease_until INTEGER NOT NULL
) WITHOUT ROWID;
