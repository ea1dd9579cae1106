//! Finished images: which one may be reused, and where its record is.

use imagebuilder_api::signature::Signature;
use imagebuilder_api::{Artifact, ImageRecord, ImageState};
use registry_pack::{Digest, RepositoryName, media};

use crate::failure::Failure;
use crate::journal::ImageRow;
use crate::lifecycle;
use crate::registry::Descriptor;
use crate::resolve::Resolved;
use crate::workshop::Workshop;

const RECORD_BYTES: u64 = 16 << 20;

/// Where images of an OS pack are kept.
pub(crate) fn repository(resolved: &Resolved) -> Result<RepositoryName, Failure> {
    let name = &resolved.os_pack().source.pack.manifest.name;
    format!("{}/images/{name}", resolved.project)
        .parse()
        .map_err(|error: registry_pack::ParseError| {
            Failure::person("BadReference", error.to_string())
        })
}

/// The verified image of a signature, if its record matches and its disk is still in the registry.
/// Of a signature that was withdrawn it is a failure to ask.
pub(crate) async fn find(
    shop: &Workshop,
    resolved: &Resolved,
    signature: &Signature,
) -> Result<Option<ImageRecord>, Failure> {
    if let Some(row) = shop.journal.usable_image(signature.as_str()).await? {
        if row.state != ImageState::Verified.as_str() {
            return Ok(None);
        }
        if let Some(record) = still_there(shop, &row).await? {
            return Ok(Some(record));
        }
        shop.journal.forget_image(signature.as_str()).await?;
    } else {
        lifecycle::refuse(shop, signature).await?;
    }
    adopt(shop, resolved, signature).await
}

async fn still_there(shop: &Workshop, row: &ImageRow) -> Result<Option<ImageRecord>, Failure> {
    let Ok(record) = serde_json::from_str::<ImageRecord>(&row.record) else {
        return Ok(None);
    };
    let Some(artifact) = &record.artifact else {
        return Ok(None);
    };
    let Ok(repository) = artifact.repository.parse::<RepositoryName>() else {
        return Ok(None);
    };
    let found = shop
        .registry
        .resolve(&repository, artifact.digest.as_str())
        .await?;
    Ok(found.map(|_| record))
}

/// The verified image that the registry has under a signature, with its record.
pub(crate) async fn published(
    shop: &Workshop,
    repository: &RepositoryName,
    signature: &Signature,
) -> Result<Option<(Descriptor, ImageRecord)>, Failure> {
    let registry = &shop.registry;
    let Some(found) = registry.resolve(repository, signature.as_str()).await? else {
        return Ok(None);
    };
    let manifest = registry.manifest(repository, &found.digest).await?;
    if manifest.artifact_type.as_deref() != Some(media::IMAGE) {
        return Ok(None);
    }
    let config = registry
        .blob(repository, &manifest.config, RECORD_BYTES)
        .await?;
    let Ok(record) = serde_json::from_slice::<ImageRecord>(&config) else {
        return Ok(None);
    };
    // The tag is only a name that anybody may have set: the inputs in the record have to give the signature.
    let matches = record.signature.as_ref() == Some(signature)
        && record
            .chain
            .as_ref()
            .is_some_and(|chain| chain.signature() == *signature);
    let verified = record.state == ImageState::Verified;
    Ok((matches && verified).then_some((found, record)))
}

/// An image that another worker published: taken over if its record says what it must.
async fn adopt(
    shop: &Workshop,
    resolved: &Resolved,
    signature: &Signature,
) -> Result<Option<ImageRecord>, Failure> {
    let repository = repository(resolved)?;
    let Some((found, record)) = published(shop, &repository, signature).await? else {
        return Ok(None);
    };
    if let Some(reason) = lifecycle::withdrawn(shop, &repository, &found).await? {
        shop.journal.revoke(signature.as_str(), &reason).await?;
        lifecycle::refuse(shop, signature).await?;
    }
    let record = located(record, &repository, &found.digest);
    shop.journal
        .put_image(&row(&record, signature.as_str(), None)?)
        .await?;
    Ok(Some(record))
}

/// The record with the place of its artifact, which cannot stand in the artifact itself.
pub(crate) fn located(
    record: ImageRecord,
    repository: &RepositoryName,
    digest: &Digest,
) -> ImageRecord {
    ImageRecord {
        artifact: Some(Artifact {
            repository: repository.to_string(),
            digest: digest.clone(),
        }),
        ..record
    }
}

/// The record as this host keeps it.
pub(crate) fn row(
    record: &ImageRecord,
    signature: &str,
    build: Option<&str>,
) -> Result<ImageRow, Failure> {
    Ok(ImageRow {
        signature: signature.to_owned(),
        state: record.state.as_str().to_owned(),
        profile: record.profile.clone(),
        build: build
            .map(str::to_owned)
            .or_else(|| record.build.as_ref().map(ToString::to_string)),
        repository: record
            .artifact
            .as_ref()
            .map(|artifact| artifact.repository.clone()),
        digest: record
            .artifact
            .as_ref()
            .map(|artifact| artifact.digest.to_string()),
        record: serde_json::to_string(record)
            .map_err(|error| Failure::person("Internal", error.to_string()))?,
    })
}
