//! One transaction for a pushed manifest: its row, its references, its tags, its entries in the index.

use registry_pack::RepositoryName;

use super::{
    Metadata, Transaction, ensure_repository, packs, parents, profiles, references, repositories,
    retry, tags,
};
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
        retry(|| self.try_put_manifest(repository, manifest, policy, immutable_packs)).await
    }

    async fn try_put_manifest(
        &self,
        repository: &RepositoryName,
        manifest: &NewManifest,
        policy: MissingPolicy,
        immutable_packs: bool,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        let id = ensure_repository(&mut transaction, repository).await?;
        repositories::change_repository(&mut transaction, id).await?;
        let manifest_id =
            references::store(&mut transaction, repository, id, manifest, policy).await?;
        for tag in &manifest.tags {
            let condition = &manifest.condition;
            tags::check(&mut transaction, repository, id, tag, condition).await?;
            tags::set(
                &mut transaction,
                repository,
                id,
                tag,
                manifest_id,
                immutable_packs,
            )
            .await?;
            index(&mut transaction, id, tag.as_str(), manifest).await?;
        }
        if repository.pack_name().is_some() {
            let versions: Vec<String> = manifest.tags.iter().map(ToString::to_string).collect();
            parents::refresh(&mut transaction, id, &versions).await?;
        }
        transaction.commit().await
    }
}

/// Writes what the index says of a tag. One that moved to something that is neither pack
/// nor profile leaves no entry behind.
async fn index(
    transaction: &mut Transaction,
    repository_id: i64,
    version: &str,
    manifest: &NewManifest,
) -> Result<()> {
    let digest = &manifest.digest;
    match &manifest.index {
        Some(IndexEntry::Pack(pack)) => {
            packs::index(transaction, repository_id, version, digest, pack).await
        }
        Some(IndexEntry::Profile(profile)) => {
            profiles::index(transaction, repository_id, version, digest, profile).await
        }
        None => {
            packs::forget(transaction, repository_id, version).await?;
            profiles::forget(transaction, repository_id, version).await
        }
    }
}
