//! The base image's disk on this host.

use imagebuilder_provider::{DiskFormat, DiskId, DiskSource};

use super::keep::row;
use super::pack::Download;
use super::usable;
use super::verify::Reading;
use crate::failure::Failure;
use crate::journal::StageRow;
use crate::registry::RegistryError;
use crate::resolve::Resolved;
use crate::workshop::Workshop;

/// The base image's disk, brought to this host where it is missing.
pub(crate) async fn base_disk(shop: &Workshop, resolved: &Resolved) -> Result<DiskId, Failure> {
    let chain = resolved
        .chain
        .as_ref()
        .ok_or_else(|| Failure::person("Internal", "there is nothing to build"))?;
    let base = &chain.links()[0];
    // Kept under the digest: another disk size is another base stage on the same file.
    let id = resolved.base.disk.digest.to_string();
    let _turn = shop.fetching.take(&id).await;
    if let Some(row) = shop.journal.stage(&id).await?
        && let Some(disk) = usable(shop, &row).await?
    {
        return Ok(disk);
    }
    let download = Download::new(shop, &id.replace(':', "-"))?;
    shop.registry.download(&resolved.base.repository, &resolved.base.disk, &download.path).await.map_err(|error| match error {
        RegistryError::Mismatch { expected, actual, .. } => Failure::person(
            "DigestMismatch",
            format!(
                "base image {} does not match its digest: expected {expected}, actual {actual}; bring it in again with `packyard image import`",
                resolved.base.name
            ),
        ),
        other => other.into(),
    })?;
    let source = DiskSource {
        digest: resolved.base.disk.digest.clone(),
        path: download.path.clone(),
        format: DiskFormat::Qcow2,
        parent: None,
    };
    let disk = shop.provider.import_disk(&source).await?;
    let kept = shop.provider.disk(&disk).await?;
    let size_bytes = resolved.base.disk.size_bytes;
    let row = StageRow {
        pushed: Some(resolved.base.manifest.to_string()),
        ..row(shop, &id, None, base.inputs, &disk, resolved, size_bytes)?
    };
    shop.journal.put_stage(&row).await?;
    // The download read it whole a moment ago.
    if let Some(reading) = kept.as_ref().and_then(Reading::begin) {
        reading.end(shop, &resolved.base.disk.digest).await?;
    }
    Ok(disk)
}

#[cfg(test)]
mod tests {
    use super::base_disk;
    use crate::resolve::Pins;
    use crate::testing::World;

    #[tokio::test]
    async fn two_builds_at_once_fetch_the_base_image_once() {
        let world = World::new().await;
        let shop = &world.engine.shop;
        let resolved = shop.resolve(&world.request(), &Pins::default()).await;
        let resolved = resolved.unwrap();
        let before = world.registry.downloads();
        let (one, two) = tokio::join!(base_disk(shop, &resolved), base_disk(shop, &resolved));
        assert_eq!(one.unwrap(), two.unwrap());
        assert_eq!(world.registry.downloads(), before + 1);
    }
}
