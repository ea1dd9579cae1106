-- Which request, of whichever server on this database, writes to an upload at this
-- moment, and until when it may unless it says so again. Saving and closing an
-- upload name the holder, so that a request that lost its hold changes nothing.
ALTER TABLE uploads ADD COLUMN holder TEXT;
ALTER TABLE uploads ADD COLUMN held_until INTEGER;
