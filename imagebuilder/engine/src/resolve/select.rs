//! From a profile's reference to its packs: which ones, at which digest.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures::future::try_join_all;
use registry_pack::{Digest, Layer, Profile, Reference, RepositoryName, media};

use crate::registry::Registry;
use crate::resolve::cache::{CachedPack, PackCache};
use crate::resolve::{Masker, Pins, ResolveError, SelectedPack, values::RoleValues};

/// A profile as it was found.
#[derive(Debug)]
pub(crate) struct FoundProfile {
    pub(crate) reference: String,
    pub(crate) project: String,
    pub(crate) profile: Profile,
}

/// Profiles that were parsed, by the manifest's digest.
#[derive(Default)]
pub(crate) struct ProfileCache(Mutex<BTreeMap<Digest, std::sync::Arc<Profile>>>);

/// How many parsed profiles stay in memory.
const PROFILES_KEPT: usize = 64;
/// A profile is text that a person wrote or Palette exported.
const PROFILE_BYTES: u64 = 8 << 20;

impl ProfileCache {
    /// Finds and parses the profile behind a reference.
    pub(crate) async fn find(
        &self,
        registry: &dyn Registry,
        text: &str,
        pins: &Pins,
    ) -> Result<FoundProfile, ResolveError> {
        let reference: Reference = text
            .parse()
            .map_err(|error| ResolveError::input("BadReference", format!("profile: {error}")))?;
        let Some(target) = reference.target() else {
            let message = format!("profile {text} names no version; write {text}:VERSION");
            return Err(ResolveError::input("BadReference", message));
        };
        let repository = &reference.repository;
        let Some(found) = pins.resolve(registry, repository, &target).await? else {
            let message = format!(
                "profile {text} is not in the registry; push it with `packyard profile push`"
            );
            return Err(ResolveError::input("ProfileNotFound", message));
        };
        let remembered = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&found.digest)
            .cloned();
        let profile = match remembered {
            Some(profile) => profile,
            None => {
                self.fetch(registry, text, repository, &found.digest)
                    .await?
            }
        };
        let separator = if reference.digest.is_some() { '@' } else { ':' };
        Ok(FoundProfile {
            reference: format!("{repository}{separator}{target}"),
            project: repository.project().to_owned(),
            profile: (*profile).clone(),
        })
    }

    async fn fetch(
        &self,
        registry: &dyn Registry,
        text: &str,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<std::sync::Arc<Profile>, ResolveError> {
        let manifest = registry.manifest(repository, digest).await?;
        let layer = manifest
            .layers
            .iter()
            .find(|layer| layer.media_type == media::PROFILE_LAYER);
        let Some(layer) = layer else {
            let message = format!("{text} is not a profile; push one with `packyard profile push`");
            return Err(ResolveError::input("NotAProfile", message));
        };
        let bytes = registry.blob(repository, layer, PROFILE_BYTES).await?;
        let source = String::from_utf8(bytes).map_err(|_| {
            ResolveError::input("BadProfile", format!("profile {text} is not UTF-8 text"))
        })?;
        let profile =
            Profile::parse(&source, layer.title().unwrap_or(text)).map_err(ResolveError::pack)?;
        let errors: Vec<String> = profile
            .lint()
            .iter()
            .filter(|one| one.is_error())
            .map(ToString::to_string)
            .collect();
        if !errors.is_empty() {
            // A complaint about a variable quotes its value.
            let sensitive = profile.variables.iter().filter(|one| one.is_sensitive);
            let masker = Masker::new(sensitive.map(|one| one.default_value.clone()));
            let message = format!("profile {text}: {}", errors.join("\n"));
            return Err(ResolveError::input("BadProfile", masker.mask(&message)));
        }
        let profile = std::sync::Arc::new(profile);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= PROFILES_KEPT {
            kept.clear();
        }
        kept.insert(digest.clone(), profile.clone());
        Ok(profile)
    }
}

/// All packs of a profile, in its order, fetched side by side.
pub(crate) async fn packs(
    registry: &dyn Registry,
    cache: &PackCache,
    found: &FoundProfile,
    pins: &Pins,
) -> Result<Vec<SelectedPack>, ResolveError> {
    let variables: BTreeMap<String, String> = found
        .profile
        .variables
        .iter()
        .map(|variable| (variable.name.clone(), variable.default_value.clone()))
        .collect();
    let variables = &variables;
    let each = found.profile.template.packs.iter().map(|entry| async move {
        let source = pack(registry, cache, found, entry, pins).await?;
        let name = format!("{}:{}", source.pack.manifest.name, source.pack.manifest.version);
        let text = entry.values.as_deref().filter(|text| !text.trim().is_empty()).or(source.pack.values.as_deref());
        let values = RoleValues::new(text, &name, variables);
        if source.pack.manifest.layer != entry.layer {
            let message = format!(
                "profile {} uses pack {name} as layer {}, but its pack.json says {}; correct the layer in the profile",
                found.reference, entry.layer, source.pack.manifest.layer
            );
            return Err(ResolveError::input("WrongLayer", message));
        }
        Ok(SelectedPack { layer: entry.layer, name, source, values })
    });
    try_join_all(each).await
}

async fn pack(
    registry: &dyn Registry,
    cache: &PackCache,
    found: &FoundProfile,
    entry: &registry_pack::ProfilePack,
    pins: &Pins,
) -> Result<std::sync::Arc<CachedPack>, ResolveError> {
    let repository = RepositoryName::for_pack(&found.project, &entry.name)
        .map_err(|error| ResolveError::input("BadReference", error.to_string()))?;
    let tag = entry.tag.as_deref().filter(|tag| !tag.is_empty());
    // Palette writes both: the tag may be a parent such as 1.34.x, the version is exact.
    for target in std::iter::once(entry.version.as_str()).chain(tag) {
        if let Some(manifest) = pins.resolve(registry, &repository, target).await? {
            return cache.pack(registry, &repository, &manifest).await;
        }
    }
    let message = format!(
        "pack {}:{} of profile {} is not in the registry; push it with `packyard pack push` to project {}",
        entry.name, entry.version, found.reference, found.project
    );
    Err(ResolveError::input("PackNotFound", message))
}

/// The one pack of a layer that every profile must have.
pub(crate) fn one(
    packs: &[SelectedPack],
    layer: Layer,
    of: &FoundProfile,
) -> Result<usize, ResolveError> {
    let mut all = packs
        .iter()
        .enumerate()
        .filter(|(_, pack)| pack.layer == layer);
    match (all.next(), all.next()) {
        (Some((at, _)), None) => Ok(at),
        (None, _) => {
            let message = format!(
                "profile {} has no pack of layer {layer}; add one",
                of.reference
            );
            Err(ResolveError::input("LayerMissing", message))
        }
        (Some(_), Some((_, second))) => {
            let message = format!(
                "profile {} has more than one pack of layer {layer}; {} is the second: remove all but one",
                of.reference, second.name
            );
            Err(ResolveError::input("LayerTwice", message))
        }
    }
}
