//! A manifest that is stored: its row, and a row for everything that it names.

use std::collections::BTreeSet;

use registry_pack::{Digest, RepositoryName};

use super::{Transaction, json_array, now, statements, values};
use crate::error::{Result, StoreError};
use crate::manifests::{MissingPolicy, NewManifest};

// A list comes first, and CROSS JOIN keeps it there: SQLite would read all manifests of a
// repository, which it thinks are few, and look for each of them in the list.
statements! {
    KNOWN: "look up a manifest" =
        "SELECT id FROM manifests WHERE repository_id = $1 AND digest = $2";
    REFRESH: "store a manifest again" =
        "UPDATE manifests SET media_type = $1, pushed_at = $2 WHERE id = $3";
    INSERT: "store a manifest" =
        "INSERT INTO manifests (repository_id, digest, media_type, artifact_type, subject,
                                size_bytes, pushed_at, annotations, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id";
    RELY: "lock a manifest's blobs" =
        "SELECT b.id FROM blobs b WHERE b.digest IN (SELECT j.value FROM" list["$1"] ")
         ORDER BY b.id" for_key_share;
    HELD_BLOBS: "check a manifest's blobs" =
        "SELECT b.digest FROM" list["$1"] "CROSS JOIN blobs b CROSS JOIN repository_blobs rb
         WHERE b.digest = j.value AND rb.blob_id = b.id AND rb.repository_id = $2";
    HELD_MANIFESTS: "check an index's manifests" =
        "SELECT m.digest FROM" list["$1"] "CROSS JOIN manifests m
         WHERE m.digest = j.value AND m.repository_id = $2";
    INSERT_MISSING: "record a missing reference" =
        "INSERT INTO manifest_missing (manifest_id, repository_id, digest, is_manifest)
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    INSERT_BLOBS: "record a manifest's blobs" =
        "INSERT INTO manifest_blobs (manifest_id, repository_id, blob_id)
         SELECT $1, rb.repository_id, b.id
         FROM" list["$2"] "CROSS JOIN blobs b CROSS JOIN repository_blobs rb
         WHERE b.digest = j.value AND rb.blob_id = b.id AND rb.repository_id = $3
         ON CONFLICT DO NOTHING";
    INSERT_CHILDREN: "record an index's manifests" =
        "INSERT INTO manifest_children (manifest_id, repository_id, child_id)
         SELECT $1, m.repository_id, m.id FROM" list["$2"] "CROSS JOIN manifests m
         WHERE m.repository_id = $3 AND m.digest = j.value ON CONFLICT DO NOTHING";
    ADOPT: "resolve an index's references" =
        "INSERT INTO manifest_children (manifest_id, repository_id, child_id)
         SELECT manifest_id, repository_id, $1 FROM manifest_missing
         WHERE repository_id = $2 AND digest = $3 AND is_manifest ON CONFLICT DO NOTHING";
    ADOPTED: "resolve an index's references" =
        "DELETE FROM manifest_missing
         WHERE repository_id = $1 AND digest = $2 AND is_manifest";
}

/// Stores a manifest with its references; its row when it is there already. The caller
/// is the only one that changes the repository.
pub(super) async fn store(
    transaction: &mut Transaction,
    repository: &RepositoryName,
    repository_id: i64,
    manifest: &NewManifest,
    policy: MissingPolicy,
) -> Result<i64> {
    let values = values![repository_id, manifest.digest.as_str()];
    let known: Option<(i64,)> = transaction.optional(&KNOWN, values).await?;
    if let Some((id,)) = known {
        // Young again: whoever pushed it may name it next.
        let values = values![&manifest.media_type, now(), id];
        transaction.execute(&REFRESH, values).await?;
        return Ok(id);
    }
    let named = json_array(manifest.blobs.iter().chain(&manifest.optional_blobs));
    transaction.lock(&RELY, values![&named]).await?;
    let missing = missing(transaction, repository_id, manifest).await?;
    if policy == MissingPolicy::Refuse && !missing.is_empty() {
        return Err(StoreError::MissingReferences {
            repository: repository.to_string(),
            missing: missing.into_iter().map(|(digest, _)| digest).collect(),
        });
    }
    let id = insert_row(transaction, repository_id, manifest).await?;
    let values = values![id, &named, repository_id];
    transaction.execute(&INSERT_BLOBS, values).await?;
    let children = json_array(&manifest.manifests);
    let values = values![id, &children, repository_id];
    transaction.execute(&INSERT_CHILDREN, values).await?;
    for (digest, is_manifest) in missing {
        let values = values![id, repository_id, digest.as_str(), is_manifest];
        transaction.execute(&INSERT_MISSING, values).await?;
    }
    adopt_waiting_indexes(transaction, repository_id, id, &manifest.digest).await?;
    Ok(id)
}

async fn insert_row(
    transaction: &mut Transaction,
    repository_id: i64,
    manifest: &NewManifest,
) -> Result<i64> {
    let values = values![
        repository_id,
        manifest.digest.as_str(),
        &manifest.media_type,
        &manifest.artifact_type,
        manifest.subject.as_ref().map(Digest::as_str),
        i64::try_from(manifest.bytes.len()).unwrap_or(i64::MAX),
        now(),
        &manifest.annotations,
        &manifest.bytes[..],
    ];
    let (id,) = transaction.one(&INSERT, values).await?;
    Ok(id)
}

/// What the manifest names and the repository does not have, and whether it is a manifest.
async fn missing(
    transaction: &mut Transaction,
    repository_id: i64,
    manifest: &NewManifest,
) -> Result<Vec<(Digest, bool)>> {
    let mut missing = Vec::new();
    for (named, statement, is_manifest) in [
        (&manifest.blobs, &HELD_BLOBS, false),
        (&manifest.manifests, &HELD_MANIFESTS, true),
    ] {
        if named.is_empty() {
            continue;
        }
        let list = json_array(named);
        let held: Vec<(String,)> = transaction
            .all(statement, values![&list, repository_id])
            .await?;
        let held: BTreeSet<&str> = held.iter().map(|(digest,)| digest.as_str()).collect();
        missing.extend(
            named
                .iter()
                .filter(|digest| !held.contains(digest.as_str()))
                .map(|digest| (digest.clone(), is_manifest)),
        );
    }
    Ok(missing)
}

/// Indexes that were accepted before this manifest came get their reference now.
async fn adopt_waiting_indexes(
    transaction: &mut Transaction,
    repository_id: i64,
    id: i64,
    digest: &Digest,
) -> Result<()> {
    let values = values![id, repository_id, digest.as_str()];
    if transaction.execute(&ADOPT, values).await? > 0 {
        let values = values![repository_id, digest.as_str()];
        transaction.execute(&ADOPTED, values).await?;
    }
    Ok(())
}
