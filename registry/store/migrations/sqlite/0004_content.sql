-- Uploads into an object store can go on at another server: the name of the multi-part upload,
-- and the object with the bytes after the last part.
ALTER TABLE uploads ADD COLUMN multipart_id TEXT;
ALTER TABLE uploads ADD COLUMN tail_key TEXT;

-- The parts that the object store has, numbered from 0 without a gap.
CREATE TABLE upload_parts (
    upload_id  TEXT    NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL CHECK (number >= 0),
    size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
    content_id TEXT    NOT NULL,
    PRIMARY KEY (upload_id, number)
) STRICT, WITHOUT ROWID;

-- Since when the bytes of a blob are known to be damaged or gone. Nobody is given such a blob; a
-- push of the same content makes it good again.
ALTER TABLE blobs ADD COLUMN damaged_at INTEGER;
CREATE INDEX blobs_damaged ON blobs (damaged_at) WHERE damaged_at IS NOT NULL;

-- How far the check of all blobs got, so that it goes on after a restart.
CREATE TABLE checks (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    started_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    finished_at   INTEGER,
    last_blob_id  INTEGER NOT NULL,
    checked_blobs INTEGER NOT NULL,
    checked_bytes INTEGER NOT NULL
) STRICT;
