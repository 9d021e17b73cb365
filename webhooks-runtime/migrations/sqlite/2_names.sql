-- What the payload names, for people to read in lists.

ALTER TABLE deliveries ADD COLUMN event TEXT;
ALTER TABLE deliveries ADD COLUMN repo TEXT;

-- How often a delivery was released without its attempt being counted.
ALTER TABLE deliveries ADD COLUMN releases INTEGER NOT NULL DEFAULT 0;
