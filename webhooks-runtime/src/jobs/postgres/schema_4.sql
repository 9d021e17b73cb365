-- Keys of deliveries, what merging needs, cancelling and pausing.
--
-- A program of an older version must not use these tables. At its start it fails at the first constraint. One that
-- already runs fails at the second one when it claims or recovers a delivery with a key. Its error names the
-- constraint, so both names are sentences.

ALTER TABLE webhooks_runtime.endpoints
    ADD COLUMN IF NOT EXISTS paused_at timestamptz,
    -- Whether its runs can be stopped. Commands do not know the functions.
    ADD COLUMN IF NOT EXISTS stoppable boolean NOT NULL DEFAULT true,
    -- The version of the program that wrote it. Only the existing rows have the default.
    ADD COLUMN IF NOT EXISTS version smallint DEFAULT 4
        CONSTRAINT "this program is too old for these tables: update it"
        CHECK (version IS NOT NULL AND version >= 4);
ALTER TABLE webhooks_runtime.endpoints ALTER COLUMN version DROP DEFAULT;

ALTER TABLE webhooks_runtime.deliveries
    ADD COLUMN IF NOT EXISTS key text,
    -- The order of arrival within a key.
    ADD COLUMN IF NOT EXISTS arrival bigint,
    -- Which deliveries of the key it merges with; null if with none.
    ADD COLUMN IF NOT EXISTS merge_scope bigint,
    -- The first delivery of a group: of superseded ones, and of the one that carries them.
    ADD COLUMN IF NOT EXISTS merge_group uuid,
    -- How many older ones it carries, and how many bytes of all their bodies and its own a merge takes over.
    ADD COLUMN IF NOT EXISTS merged integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS merge_bytes bigint NOT NULL DEFAULT 0,
    -- When the first of those that wait for newer ones arrived; null once it waits no longer.
    ADD COLUMN IF NOT EXISTS debounce_since timestamptz,
    -- The newer one that replaced it.
    ADD COLUMN IF NOT EXISTS superseded_by uuid,
    ADD COLUMN IF NOT EXISTS snoozes integer NOT NULL DEFAULT 0,
    -- Who has it stopped while it runs: 0 nobody, 1 a person, 2 a newer delivery.
    ADD COLUMN IF NOT EXISTS cancel_requested smallint NOT NULL DEFAULT 0,
    -- 0 a request of the Hub, 1 a comparison with the Hub, 2 the program
    ADD COLUMN IF NOT EXISTS origin smallint NOT NULL DEFAULT 0,
    -- The context of the span that stored it: a `traceparent` of W3C's Trace Context.
    ADD COLUMN IF NOT EXISTS trace text,
    -- Whether it is the running delivery of its key.
    ADD COLUMN IF NOT EXISTS holds_key boolean NOT NULL DEFAULT false
        CONSTRAINT "this program is too old for deliveries with keys: update it"
        CHECK (key IS NULL OR holds_key = (state = 1));

-- The keys of queued and running deliveries. Whoever adds or ends one of a key locks the key's row first, and a claim
-- locks none.
CREATE TABLE IF NOT EXISTS webhooks_runtime.keys (
    endpoint bigint,
    key text,
    -- The last `arrival`.
    arrival bigint NOT NULL,
    -- When its first queued delivery is due: exact, unless it was claimed and still runs.
    run_at timestamptz,
    PRIMARY KEY (endpoint, key)
);
CREATE INDEX IF NOT EXISTS keys_queued
    ON webhooks_runtime.keys (endpoint, run_at) WHERE run_at IS NOT NULL;

-- Those without a key, which accepting writes to.
CREATE INDEX IF NOT EXISTS deliveries_without_key
    ON webhooks_runtime.deliveries (endpoint, run_at) WHERE state = 0 AND key IS NULL;
DROP INDEX IF EXISTS webhooks_runtime.deliveries_queued;

-- Those with a key: the queued ones in the order of claims, all unfinished ones in the order of arrival, and the one
-- that runs.
CREATE INDEX IF NOT EXISTS deliveries_of_key
    ON webhooks_runtime.deliveries (endpoint, key, run_at, arrival) WHERE state = 0 AND key IS NOT NULL;
CREATE INDEX IF NOT EXISTS deliveries_arrived
    ON webhooks_runtime.deliveries (endpoint, key, arrival) WHERE state < 2 AND key IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS deliveries_holding_key
    ON webhooks_runtime.deliveries (endpoint, key) WHERE holds_key;

-- The superseded deliveries of a group, and the one that carries them.
CREATE INDEX IF NOT EXISTS deliveries_carried
    ON webhooks_runtime.deliveries (merge_group, arrival) WHERE state = 4;
CREATE INDEX IF NOT EXISTS deliveries_carrying
    ON webhooks_runtime.deliveries (merge_group) WHERE state <> 4 AND merge_group IS NOT NULL;

CREATE INDEX IF NOT EXISTS deliveries_to_stop
    ON webhooks_runtime.deliveries (owner) WHERE state = 1 AND cancel_requested > 0;

-- What functions log during their attempts.
CREATE TABLE IF NOT EXISTS webhooks_runtime.attempt_logs (
    delivery uuid,
    -- The fence of the attempt's claim.
    fence bigint,
    line integer,
    logged_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    level smallint NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (delivery, fence, line)
);
