-- Times are milliseconds of Unix time. States: 0 queued, 1 running, 2 done, 3 dead.

CREATE TABLE endpoints (
    id   INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE
);

CREATE TABLE owners (
    id          BLOB PRIMARY KEY,
    lease_until INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE deliveries (
    seq         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL UNIQUE,
    endpoint    INTEGER NOT NULL,
    webhook_id  TEXT,
    state       INTEGER NOT NULL DEFAULT 0,
    attempt     INTEGER NOT NULL DEFAULT 0,
    fence       INTEGER NOT NULL DEFAULT 0,
    owner       BLOB,
    -- By the clock of the process that received it, for people to read.
    received_at INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    run_at      INTEGER NOT NULL,
    started_at  INTEGER,
    ended_at    INTEGER,
    error       TEXT
);

CREATE INDEX queued ON deliveries (endpoint, run_at) WHERE state = 0;
CREATE INDEX running ON deliveries (endpoint) WHERE state = 1;
CREATE INDEX done ON deliveries (ended_at) WHERE state = 2;
CREATE INDEX dead ON deliveries (ended_at) WHERE state = 3;

-- Apart, so that a change of state doesn't write the payload again.
CREATE TABLE payloads (
    delivery INTEGER PRIMARY KEY,
    body     BLOB NOT NULL
);

-- Attempts that failed.
CREATE TABLE attempts (
    delivery   INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    error      TEXT NOT NULL
);

CREATE INDEX attempts_of ON attempts (delivery);
