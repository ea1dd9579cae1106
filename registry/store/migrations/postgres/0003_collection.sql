-- What garbage collection needs: each right that no manifest needs has a lease, so that
-- the leases that ended are all it has to look at.
INSERT INTO leases (repository_id, blob_id, expires_at)
SELECT rb.repository_id, rb.blob_id, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + 86400000
FROM repository_blobs rb
WHERE NOT EXISTS (SELECT 1 FROM manifest_blobs mb
                  WHERE mb.repository_id = rb.repository_id AND mb.blob_id = rb.blob_id)
ON CONFLICT DO NOTHING;

-- Objects whose blob has no row any more: their bytes go next, whatever happens between.
CREATE TABLE doomed_objects (
    object_key TEXT COLLATE "C"    PRIMARY KEY,
    digest     TEXT COLLATE "C"    NOT NULL,
    size_bytes BIGINT NOT NULL,
    doomed_at  BIGINT NOT NULL
);

-- Which server collects, and how far it got with what it looks through from end to end.
CREATE TABLE collector (
    id              BIGINT PRIMARY KEY CHECK (id = 1),
    holder          TEXT COLLATE "C",
    held_until      BIGINT,
    finished_at     BIGINT,
    manifest_cursor BIGINT NOT NULL,
    object_cursor   TEXT COLLATE "C"    NOT NULL
);
INSERT INTO collector (id, manifest_cursor, object_cursor) VALUES (1, 0, '');

