-- What garbage collection needs: each right that no manifest needs has a lease, so that
-- the leases that ended are all it has to look at.
INSERT INTO leases (repository_id, blob_id, expires_at)
SELECT rb.repository_id, rb.blob_id, CAST(unixepoch('subsec') * 1000 AS INTEGER) + 86400000
FROM repository_blobs rb
WHERE NOT EXISTS (SELECT 1 FROM manifest_blobs mb
                  WHERE mb.repository_id = rb.repository_id AND mb.blob_id = rb.blob_id)
ON CONFLICT DO NOTHING;

-- Objects whose blob has no row any more: their bytes go next, whatever happens between.
CREATE TABLE doomed_objects (
    object_key TEXT    PRIMARY KEY,
    digest     TEXT    NOT NULL,
    size_bytes INTEGER NOT NULL,
    doomed_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which server collects, and how far it got with what it looks through from end to end.
CREATE TABLE collector (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    holder          TEXT,
    held_until      INTEGER,
    finished_at     INTEGER,
    manifest_cursor INTEGER NOT NULL,
    object_cursor   TEXT    NOT NULL
) STRICT;
INSERT INTO collector (id, manifest_cursor, object_cursor) VALUES (1, 0, '');

