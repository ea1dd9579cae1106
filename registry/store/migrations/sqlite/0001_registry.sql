-- The registry's metadata. Keys and foreign keys carry the invariants: a
-- manifest cannot be stored whose blobs the repository does not have, and a
-- tag cannot point into another repository. Times are milliseconds since 1970.

CREATE TABLE repositories (
    id             INTEGER PRIMARY KEY,
    name           TEXT    NOT NULL UNIQUE,
    immutable_tags INTEGER,                  -- 1, 0, or NULL: as configured
    created_at     INTEGER NOT NULL
) STRICT;

-- What the content store holds. The key says where: nothing is ever moved or
-- copied because a digest became known later than its bytes.
CREATE TABLE blobs (
    id          INTEGER PRIMARY KEY,
    digest      TEXT    NOT NULL UNIQUE,
    size_bytes  INTEGER NOT NULL CHECK (size_bytes >= 0),
    object_key  TEXT    NOT NULL UNIQUE,
    created_at  INTEGER NOT NULL,
    released_at INTEGER                      -- since when no repository holds it
) STRICT;
CREATE INDEX blobs_released ON blobs (released_at) WHERE released_at IS NOT NULL;

-- A repository's right to a blob.
CREATE TABLE repository_blobs (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    blob_id       INTEGER NOT NULL REFERENCES blobs (id),
    linked_at     INTEGER NOT NULL,
    PRIMARY KEY (repository_id, blob_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_blobs_by_blob ON repository_blobs (blob_id, repository_id);

-- A blob that no manifest names yet stays until its lease ends.
CREATE TABLE leases (
    repository_id INTEGER NOT NULL,
    blob_id       INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    PRIMARY KEY (repository_id, blob_id),
    FOREIGN KEY (repository_id, blob_id)
        REFERENCES repository_blobs (repository_id, blob_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX leases_by_end ON leases (expires_at);

-- The body comes last: queries that do not want it need not read past it.
CREATE TABLE manifests (
    id            INTEGER PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    digest        TEXT    NOT NULL,
    media_type    TEXT    NOT NULL,
    artifact_type TEXT,
    subject       TEXT,
    size_bytes    INTEGER NOT NULL,
    pushed_at     INTEGER NOT NULL,
    annotations   TEXT,
    body          BLOB    NOT NULL,
    UNIQUE (repository_id, digest),
    UNIQUE (repository_id, id)
) STRICT;
CREATE INDEX manifests_by_subject
    ON manifests (repository_id, subject, id) WHERE subject IS NOT NULL;

CREATE TABLE manifest_blobs (
    manifest_id   INTEGER NOT NULL,
    repository_id INTEGER NOT NULL,
    blob_id       INTEGER NOT NULL,
    PRIMARY KEY (manifest_id, blob_id),
    FOREIGN KEY (repository_id, manifest_id)
        REFERENCES manifests (repository_id, id) ON DELETE CASCADE,
    FOREIGN KEY (repository_id, blob_id)
        REFERENCES repository_blobs (repository_id, blob_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_blobs_by_blob ON manifest_blobs (repository_id, blob_id);
CREATE INDEX manifest_blobs_by_manifest ON manifest_blobs (repository_id, manifest_id);

-- An index names its manifests.
CREATE TABLE manifest_children (
    manifest_id   INTEGER NOT NULL,
    repository_id INTEGER NOT NULL,
    child_id      INTEGER NOT NULL,
    PRIMARY KEY (manifest_id, child_id),
    FOREIGN KEY (repository_id, manifest_id)
        REFERENCES manifests (repository_id, id) ON DELETE CASCADE,
    FOREIGN KEY (repository_id, child_id)
        REFERENCES manifests (repository_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_children_by_child ON manifest_children (repository_id, child_id);
CREATE INDEX manifest_children_by_manifest ON manifest_children (repository_id, manifest_id);

-- References that were not there when the manifest came, where the server is
-- told to accept such manifests. A row goes when its content arrives.
CREATE TABLE manifest_missing (
    manifest_id   INTEGER NOT NULL,
    repository_id INTEGER NOT NULL,
    digest        TEXT    NOT NULL,
    is_manifest   INTEGER NOT NULL,
    PRIMARY KEY (manifest_id, digest),
    FOREIGN KEY (repository_id, manifest_id)
        REFERENCES manifests (repository_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_missing_by_digest ON manifest_missing (repository_id, digest);

CREATE TABLE tags (
    repository_id INTEGER NOT NULL,
    name          TEXT    NOT NULL,
    manifest_id   INTEGER NOT NULL,
    kind          TEXT    NOT NULL CHECK (kind IN ('pushed', 'parent')),
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (repository_id, name),
    FOREIGN KEY (repository_id, manifest_id)
        REFERENCES manifests (repository_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_manifest ON tags (repository_id, manifest_id);

-- An open upload: how far its staged bytes are durable, and the hash of them.
CREATE TABLE uploads (
    id            TEXT    PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    staged_key    TEXT    NOT NULL,
    offset_bytes  INTEGER NOT NULL,
    algorithm     TEXT    NOT NULL,
    hash_state    BLOB    NOT NULL,
    started_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_by_age ON uploads (updated_at);
CREATE INDEX uploads_by_repository ON uploads (repository_id);

-- What a pushed pack says about itself; gone with its tag.
CREATE TABLE packs (
    repository_id   INTEGER NOT NULL,
    version         TEXT    NOT NULL,
    project         TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    layer           TEXT    NOT NULL,
    display_name    TEXT    NOT NULL,
    cloud_types     TEXT    NOT NULL,
    annotations     TEXT    NOT NULL,
    manifest_digest TEXT    NOT NULL,
    archive_digest  TEXT    NOT NULL,
    archive_bytes   INTEGER NOT NULL,
    pushed_at       INTEGER NOT NULL,
    lint_errors     INTEGER NOT NULL,
    lint_warnings   INTEGER NOT NULL,
    findings        TEXT    NOT NULL,
    pack_values     TEXT,
    readme          TEXT,
    presets         TEXT,
    schema          TEXT,
    PRIMARY KEY (repository_id, version),
    FOREIGN KEY (repository_id, version)
        REFERENCES tags (repository_id, name) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX packs_by_name ON packs (project, name, version);
CREATE INDEX packs_by_layer ON packs (layer, project, name, version);

CREATE TABLE profiles (
    repository_id   INTEGER NOT NULL,
    version         TEXT    NOT NULL,
    project         TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    description     TEXT,
    labels          TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    cloud_type      TEXT    NOT NULL,
    packs           TEXT    NOT NULL,
    manifest_digest TEXT    NOT NULL,
    pushed_at       INTEGER NOT NULL,
    lint_errors     INTEGER NOT NULL,
    lint_warnings   INTEGER NOT NULL,
    findings        TEXT    NOT NULL,
    document        TEXT    NOT NULL,
    PRIMARY KEY (repository_id, version),
    FOREIGN KEY (repository_id, version)
        REFERENCES tags (repository_id, name) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX profiles_by_name ON profiles (project, name, version);
