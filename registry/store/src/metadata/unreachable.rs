//! Manifests that nothing reaches any more.
//!
//! What is tagged or young is kept, and so is what it reaches: an index its manifests, a
//! subject its referrers, a referrer its subject. Asked the other way round: a manifest goes
//! when nobody who reaches it, over any number of steps, is tagged or young; then all of
//! those go with it, as whatever reached one of them would reach it too.

use std::collections::BTreeSet;
use std::time::Duration;

use super::repositories::change_repository;
use super::{Metadata, Transaction, json_list, leases, milliseconds, statements, values};
use crate::error::Result;

// CROSS JOIN keeps lists first, as in references.rs.
statements! {
    WINDOW: "look through the manifests" =
        "SELECT m.id, m.repository_id, r.name AS repository,
                m.pushed_at <= " now " - $3 AND NOT EXISTS (
                    SELECT 1 FROM tags t WHERE t.repository_id = m.repository_id
                    AND t.manifest_id = m.id) AS is_candidate
         FROM manifests m JOIN repositories r ON r.id = m.repository_id
         WHERE m.id > $1 ORDER BY m.id LIMIT $2";
    THERE: "look for a manifest" = "SELECT 1 FROM manifests WHERE id = $1";
    REACHING: "look for what reaches a manifest" =
        "SELECT c.manifest_id FROM" list["$1"] "CROSS JOIN manifest_children c
             WHERE c.child_id = CAST(j.value AS BIGINT) AND c.repository_id = $2
         UNION
         SELECT s.id FROM" list["$1"] "CROSS JOIN manifests m CROSS JOIN manifests s
             WHERE m.id = CAST(j.value AS BIGINT)
             AND s.repository_id = $2 AND s.digest = m.subject
         UNION
         SELECT f.id FROM" list["$1"] "CROSS JOIN manifests m CROSS JOIN manifests f
             WHERE m.id = CAST(j.value AS BIGINT)
             AND f.repository_id = $2 AND f.subject = m.digest";
    KEPT: "look for what is tagged or young" =
        "SELECT count(*) FROM" list["$1"] "CROSS JOIN manifests m
         WHERE m.id = CAST(j.value AS BIGINT) AND (m.pushed_at > " now " - $2 OR EXISTS (
             SELECT 1 FROM tags t WHERE t.repository_id = m.repository_id
             AND t.manifest_id = m.id))";
    PART: "delete manifests" =
        "DELETE FROM manifest_children
         WHERE manifest_id IN (SELECT CAST(j.value AS BIGINT) FROM" list["$1"] ")";
    DELETE: "delete manifests" =
        "DELETE FROM manifests WHERE id IN (SELECT CAST(j.value AS BIGINT) FROM" list["$1"] ")";
}

/// A group larger than this is kept: nothing that people make looks like it.
const LARGEST: usize = 10_000;

/// A manifest as the collection passes it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Passed {
    pub(crate) id: i64,
    pub(crate) repository_id: i64,
    pub(crate) repository: String,
    /// Neither tagged nor young.
    pub(crate) is_candidate: bool,
}

impl Metadata {
    /// A page of all manifests, after an id.
    pub(crate) async fn manifests_after(
        &self,
        id: i64,
        limit: u32,
        age: Duration,
    ) -> Result<Vec<Passed>> {
        let values = values![id, limit, milliseconds(age)];
        self.all(&WINDOW, values).await
    }

    /// Deletes those of a repository's candidates that nothing reaches, with all that reach
    /// them; says how many went, or would go. Their blobs get a lease.
    pub(crate) async fn delete_unreachable(
        &self,
        repository_id: i64,
        candidates: &[i64],
        age: Duration,
        lease: Duration,
        dry_run: bool,
    ) -> Result<u64> {
        let mut transaction = self.begin().await?;
        // From here on no manifest or tag of the repository changes but by us.
        change_repository(&mut transaction, repository_id).await?;
        let mut gone = BTreeSet::new();
        for &candidate in candidates {
            if gone.contains(&candidate) || !is_there(&mut transaction, candidate).await? {
                continue;
            }
            let group = unreachable(&mut transaction, repository_id, candidate, age).await?;
            if let Some(group) = group {
                let ids: Vec<i64> = group.into_iter().collect();
                if !dry_run {
                    leases::leave(&mut transaction, &ids, lease).await?;
                    let list = json_list(&ids);
                    // Else the order decides whether an index goes before its manifests.
                    transaction.execute(&PART, values![&list]).await?;
                    transaction.execute(&DELETE, values![&list]).await?;
                }
                gone.extend(ids);
            }
        }
        if !dry_run {
            transaction.commit().await?;
        }
        Ok(gone.len() as u64)
    }
}

async fn is_there(transaction: &mut Transaction, id: i64) -> Result<bool> {
    let row: Option<(i32,)> = transaction.optional(&THERE, values![id]).await?;
    Ok(row.is_some())
}

/// All that reach a manifest, itself included, unless one of them is kept.
async fn unreachable(
    transaction: &mut Transaction,
    repository_id: i64,
    candidate: i64,
    age: Duration,
) -> Result<Option<BTreeSet<i64>>> {
    let mut group = BTreeSet::from([candidate]);
    let mut new = vec![candidate];
    while !new.is_empty() {
        let list = json_list(&new);
        let values = values![&list, milliseconds(age)];
        let (kept,): (i64,) = transaction.one(&KEPT, values).await?;
        if kept > 0 {
            return Ok(None);
        }
        let values = values![&list, repository_id];
        let reaching: Vec<(i64,)> = transaction.all(&REACHING, values).await?;
        new = reaching
            .into_iter()
            .map(|(id,)| id)
            .filter(|id| group.insert(*id))
            .collect();
        if group.len() > LARGEST {
            tracing::warn!(
                manifest = candidate,
                "more manifests hang together than are looked at; all of them are kept"
            );
            return Ok(None);
        }
    }
    Ok(Some(group))
}
