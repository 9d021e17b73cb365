-- States, besides those of version 1: 4 superseded, 5 cancelled.

-- The key of a delivery. Of each endpoint and key, at most one delivery runs at a time.
ALTER TABLE deliveries ADD COLUMN key TEXT;

-- Which deliveries of the key it can be merged with: those with the same scope. NULL is a barrier, or has no key.
ALTER TABLE deliveries ADD COLUMN merge_scope INTEGER;

-- The row number of the first delivery of its group: of the superseded ones, and of the one that carries them.
ALTER TABLE deliveries ADD COLUMN merge_group INTEGER;

-- How many superseded deliveries it carries, and how many bytes a merge takes from all of them and from itself.
ALTER TABLE deliveries ADD COLUMN merged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN merge_bytes INTEGER NOT NULL DEFAULT 0;

-- When the first delivery of a group that waits for quiet arrived.
ALTER TABLE deliveries ADD COLUMN debounce_since INTEGER;

-- The id of the newer delivery that replaced it.
ALTER TABLE deliveries ADD COLUMN superseded_by BLOB;

-- How often in a row the function asked to run it again later.
ALTER TABLE deliveries ADD COLUMN snoozes INTEGER NOT NULL DEFAULT 0;

-- Who has a running delivery stopped: 0 nobody, 1 a person, 2 a newer delivery.
ALTER TABLE deliveries ADD COLUMN cancel_requested INTEGER NOT NULL DEFAULT 0;

-- Where it comes from: 0 a webhook, 1 a comparison with the Hub, 2 the program itself.
ALTER TABLE deliveries ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;

-- The context of the span that stored it: a `traceparent` of W3C's Trace Context.
ALTER TABLE deliveries ADD COLUMN trace TEXT;

-- Since when nothing of the endpoint runs.
ALTER TABLE endpoints ADD COLUMN paused_at INTEGER;

-- Whether a run of its function can be stopped, for a command that does not have the function.
ALTER TABLE endpoints ADD COLUMN stoppable INTEGER NOT NULL DEFAULT 1;

-- The queued delivery of each key that runs next, unless one of the key is running. A claim must not look at all the
-- others, which wait for it.
CREATE TABLE key_heads (
    endpoint INTEGER NOT NULL,
    key      TEXT NOT NULL,
    delivery INTEGER NOT NULL,
    run_at   INTEGER NOT NULL,
    PRIMARY KEY (endpoint, key)
) WITHOUT ROWID;

CREATE INDEX key_heads_due ON key_heads (endpoint, run_at, delivery);

-- Of deliveries with keys, only the heads are claimed.
DROP INDEX queued;
CREATE INDEX queued ON deliveries (endpoint, run_at) WHERE state = 0 AND key IS NULL;
CREATE INDEX queued_keys ON deliveries (endpoint, key, run_at) WHERE state = 0 AND key IS NOT NULL;

DROP INDEX running;
CREATE INDEX running ON deliveries (endpoint, key) WHERE state = 1;

-- In order of arrival.
CREATE INDEX live_keys ON deliveries (endpoint, key) WHERE state < 2 AND key IS NOT NULL;

CREATE INDEX cancelled ON deliveries (ended_at) WHERE state = 5;
CREATE INDEX cancelling ON deliveries (owner) WHERE cancel_requested > 0;
CREATE INDEX merge_groups ON deliveries (merge_group, state) WHERE merge_group IS NOT NULL;

-- What functions log during their attempts.
CREATE TABLE attempt_logs (
    delivery INTEGER NOT NULL,
    -- The fencing token of the attempt's claim.
    fence    INTEGER NOT NULL,
    line     INTEGER NOT NULL,
    logged_at INTEGER NOT NULL,
    level    INTEGER NOT NULL,
    text     TEXT NOT NULL,
    PRIMARY KEY (delivery, fence, line)
) WITHOUT ROWID;
