-- What the payload names, for people to read in lists.

ALTER TABLE deliveries ADD COLUMN event TEXT;
ALTER TABLE deliveries ADD COLUMN repo TEXT;
