-- Why the last attempt was skipped or waits, or which files matched, for people to read.
ALTER TABLE webhooks_runtime.deliveries ADD COLUMN IF NOT EXISTS note text;

-- How often in a row it could not be decided whether to call the function.
ALTER TABLE webhooks_runtime.deliveries
    ADD COLUMN IF NOT EXISTS waits integer NOT NULL DEFAULT 0;

-- Small values that replicas share: the webhooks that they have registered, the commits that they have made.
CREATE TABLE IF NOT EXISTS webhooks_runtime.shared_values (
    key text PRIMARY KEY,
    value text NOT NULL,
    expires_at timestamptz
);

CREATE INDEX IF NOT EXISTS shared_values_expiring
    ON webhooks_runtime.shared_values (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS webhooks_runtime.shared_leases (
    name text PRIMARY KEY,
    holder uuid NOT NULL,
    lease_until timestamptz NOT NULL
);
