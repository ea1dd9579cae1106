//! One transaction for a pushed manifest: its row, its references, its tags, its entries in the index.

use registry_pack::RepositoryName;

use super::{Metadata, commit, ensure_repository, manifests, packs, parents, profiles, tags};
use crate::error::Result;
use crate::manifests::{IndexEntry, MissingPolicy, NewManifest};

impl Metadata {
    /// Stores a manifest and all that is said about it, or nothing.
    pub(crate) async fn put_manifest(
        &self,
        repository: &RepositoryName,
        manifest: &NewManifest,
        policy: MissingPolicy,
        immutable_packs: bool,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        let repository_id = ensure_repository(&mut transaction, repository).await?;
        let manifest_id = manifests::insert(
            &mut transaction,
            repository,
            repository_id,
            manifest,
            policy,
        )
        .await?;
        for tag in &manifest.tags {
            tags::set(
                &mut transaction,
                repository,
                repository_id,
                tag,
                manifest_id,
                immutable_packs,
            )
            .await?;
            let version = tag.as_str();
            let digest = &manifest.digest;
            match &manifest.index {
                Some(IndexEntry::Pack(pack)) => {
                    packs::index(&mut transaction, repository_id, version, digest, pack).await?;
                }
                Some(IndexEntry::Profile(profile)) => {
                    profiles::index(&mut transaction, repository_id, version, digest, profile)
                        .await?;
                }
                None => forget(&mut transaction, repository_id, version).await?,
            }
        }
        if repository.pack_name().is_some() {
            let versions: Vec<String> = manifest.tags.iter().map(ToString::to_string).collect();
            parents::refresh(&mut transaction, repository_id, &versions).await?;
        }
        commit(transaction).await
    }
}

/// A tag that moved to something that is neither pack nor profile leaves no entry behind.
async fn forget(
    connection: &mut sqlx::sqlite::SqliteConnection,
    repository_id: i64,
    version: &str,
) -> Result<()> {
    packs::forget(connection, repository_id, version).await?;
    profiles::forget(connection, repository_id, version).await
}
