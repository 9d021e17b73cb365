-- What the payload names, for people to read in lists.

ALTER TABLE webhooks_runtime.deliveries ADD COLUMN IF NOT EXISTS event text;
ALTER TABLE webhooks_runtime.deliveries ADD COLUMN IF NOT EXISTS repo text;

-- How often a delivery was released without its attempt being counted.
ALTER TABLE webhooks_runtime.deliveries
    ADD COLUMN IF NOT EXISTS releases integer NOT NULL DEFAULT 0;
