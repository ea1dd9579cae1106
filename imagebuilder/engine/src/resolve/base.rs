//! The base image that an OS pack names: from a tag to the digest of its disk.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use registry_pack::{Digest, Reference, RepositoryName, media};
use serde::Deserialize;

use crate::registry::{Descriptor, Registry};
use crate::resolve::{Pins, ResolveError, SelectedPack};

/// The annotation that names the image.
const IMAGE_ID: &str = "imageId";
/// Names below this belong to the project of the pack.
const OWN_IMAGES: &str = "images/";

/// A base image in the registry.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    /// As the pack names it.
    pub(crate) name: String,
    pub(crate) repository: RepositoryName,
    pub(crate) manifest: Digest,
    /// The disk file.
    pub(crate) disk: Descriptor,
    pub(crate) architecture: String,
    pub(crate) firmware: String,
    pub(crate) virtual_size_bytes: u64,
}

/// The configuration of a base image's artifact.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BaseConfig {
    schema_version: u32,
    architecture: String,
    firmware: String,
    format: String,
    virtual_size_bytes: u64,
}

/// Base images that were read, by manifest digest.
#[derive(Default)]
pub(crate) struct BaseCache(Mutex<BTreeMap<Digest, Base>>);

impl BaseCache {
    pub(crate) async fn find(
        &self,
        registry: &dyn Registry,
        os: &SelectedPack,
        project: &str,
        pins: &Pins,
    ) -> Result<Base, ResolveError> {
        let name = os
            .source
            .pack
            .manifest
            .annotations
            .get(IMAGE_ID)
            .ok_or_else(|| {
                let message = format!(
                    "OS pack {} has no annotation {IMAGE_ID}; name a base image there",
                    os.name
                );
                ResolveError::input("NoBaseImage", message)
            })?;
        let reference = parse(name, project, &os.name)?;
        let target = reference.target().unwrap_or_else(|| "latest".to_owned());
        let missing = || {
            let message = format!(
                "base image {name} of OS pack {} is not in the registry as {reference}; bring it in with `packyard image import`",
                os.name
            );
            ResolveError::input("BaseImageNotFound", message)
        };
        let found = pins
            .resolve(registry, &reference.repository, &target)
            .await?
            .ok_or_else(missing)?;
        if let Some(base) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&found.digest)
        {
            return Ok(base.clone());
        }
        let base = read(registry, name, reference.repository, &found.digest).await?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= 64 {
            kept.clear();
        }
        kept.insert(found.digest, base.clone());
        Ok(base)
    }
}

fn parse(name: &str, project: &str, os: &str) -> Result<Reference, ResolveError> {
    let full = if name.starts_with(OWN_IMAGES) {
        format!("{project}/{name}")
    } else {
        name.to_owned()
    };
    let reference: Reference = full.parse().map_err(|error| {
        ResolveError::input(
            "BadBaseImage",
            format!("annotation {IMAGE_ID} of OS pack {os}: {error}"),
        )
    })?;
    if let Some(host) = &reference.host {
        let message = format!(
            "annotation {IMAGE_ID} of OS pack {os} names the registry {host}; bring the image in with `packyard image import` and leave the host out"
        );
        return Err(ResolveError::input("BadBaseImage", message));
    }
    Ok(reference)
}

async fn read(
    registry: &dyn Registry,
    name: &str,
    repository: RepositoryName,
    digest: &Digest,
) -> Result<Base, ResolveError> {
    let wrong = |why: String| {
        ResolveError::input(
            "BadBaseImage",
            format!("base image {name} ({repository}@{digest}): {why}"),
        )
    };
    let manifest = registry.manifest(&repository, digest).await?;
    if manifest.artifact_type.as_deref() != Some(media::BASE_IMAGE) {
        return Err(wrong(
            "it is not a base image; make one with `packyard image import`".to_owned(),
        ));
    }
    let disk = manifest
        .layers
        .iter()
        .find(|layer| layer.media_type == media::DISK_QCOW2);
    let disk = disk
        .ok_or_else(|| wrong("it holds no qcow2 disk".to_owned()))?
        .clone();
    let config = registry
        .blob(&repository, &manifest.config, 1 << 20)
        .await?;
    let config: BaseConfig = serde_json::from_slice(&config)
        .map_err(|error| wrong(format!("its configuration: {error}")))?;
    if config.schema_version != 1 || config.format != "qcow2" {
        let found = format!(
            "schema version {} and format {}",
            config.schema_version, config.format
        );
        return Err(wrong(format!(
            "this builder knows schema version 1 and format qcow2, and it has {found}"
        )));
    }
    Ok(Base {
        name: name.to_owned(),
        manifest: digest.clone(),
        disk,
        architecture: config.architecture,
        firmware: config.firmware,
        virtual_size_bytes: config.virtual_size_bytes,
        repository,
    })
}
