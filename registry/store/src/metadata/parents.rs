//! Parent tags of packs: `1.34.x` and `1.x` follow the newest version below them.

use std::collections::BTreeSet;

use registry_pack::Version;

use super::{Transaction, statements, tags, values};
use crate::error::Result;

statements! {
    VERSIONS: "list a pack's versions" =
        "SELECT p.version, t.manifest_id FROM packs p
         JOIN tags t ON t.repository_id = p.repository_id AND t.name = p.version
         WHERE p.repository_id = $1";
}

/// Sets the parents of these versions anew, from all versions that are there now.
pub(super) async fn refresh(
    transaction: &mut Transaction,
    repository_id: i64,
    changed: &[String],
) -> Result<()> {
    let parents: BTreeSet<String> = changed
        .iter()
        .filter_map(|version| version.parse::<Version>().ok())
        .flat_map(|version| version.parents())
        .collect();
    if parents.is_empty() {
        return Ok(());
    }
    let versions = versions(transaction, repository_id).await?;
    for parent in parents {
        // A release comes before any pre-release, then the newest wins.
        let newest = versions
            .iter()
            .filter(|(version, _)| version.parents().contains(&parent))
            .max_by(|(a, _), (b, _)| {
                b.is_pre_release()
                    .cmp(&a.is_pre_release())
                    .then_with(|| a.cmp(b))
            })
            .map(|(_, manifest_id)| *manifest_id);
        tags::set_parent(transaction, repository_id, &parent, newest).await?;
    }
    Ok(())
}

async fn versions(
    transaction: &mut Transaction,
    repository_id: i64,
) -> Result<Vec<(Version, i64)>> {
    let rows: Vec<(String, i64)> = transaction.all(&VERSIONS, values![repository_id]).await?;
    Ok(rows
        .into_iter()
        .filter_map(|(text, manifest_id)| Some((text.parse().ok()?, manifest_id)))
        .collect())
}
