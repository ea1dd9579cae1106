//! From a request to a resolution: what was found is put together, or remembered.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use imagebuilder_api::{Chain, EnsureImage};
use registry_pack::Layer;
use serde_json::{Map, Value};

use crate::ansible::AnsibleRunner;
use crate::registry::Registry;
use crate::resolve::cache::PackCache;
use crate::resolve::remembered::{Asked, Remembered};
use crate::resolve::select::{self, FoundProfile, ProfileCache};
use crate::resolve::{
    Base, Bundle, Kind, Pins, ResolveError, Resolved, ResolvedComponent, SecretStore, SelectedPack,
    Target, base, chain, components, kind, named, policy, suits,
};

/// Resolves profiles, with caches by digest.
pub(crate) struct Resolver {
    profiles: ProfileCache,
    packs: PackCache,
    bases: base::BaseCache,
    remembered: Remembered,
    secrets: SecretStore,
    disk_size_bytes: u64,
}

impl Resolver {
    pub(crate) fn new(packs: &Path, secrets: SecretStore, disk_size_bytes: u64) -> Self {
        Self {
            profiles: ProfileCache::default(),
            packs: PackCache::new(packs.to_owned()),
            bases: base::BaseCache::default(),
            remembered: Remembered::default(),
            secrets,
            disk_size_bytes,
        }
    }

    /// What is hidden in every build.
    pub(crate) fn secrets(&self) -> &SecretStore {
        &self.secrets
    }

    /// Resolves a request; what tags stand for is read from `pins`, and added to them.
    pub(crate) async fn resolve(
        &self,
        registry: &dyn Registry,
        ansible: &dyn AnsibleRunner,
        target: &Target<'_>,
        request: &EnsureImage,
        pins: &Pins,
    ) -> Result<Arc<Resolved>, ResolveError> {
        let asked = Asked {
            profile: request.profile.clone(),
            ansible_core: ansible.version().ok(),
        };
        let architecture = &target.facts.architecture;
        let before = self.remembered.find(registry, architecture, &asked, pins);
        if let Some(resolved) = before.await {
            return Ok(resolved);
        }
        let found = self.profiles.find(registry, &request.profile, pins).await?;
        let resolved = self.resolve_packs(registry, ansible, target, &found, pins);
        let resolved = resolved.await.map_err(|error| {
            // A complaint about values may quote them.
            let masker = self.secrets.masker(&found.profile, Vec::new());
            error.masked(&masker)
        })?;
        let resolved = Arc::new(resolved);
        self.remembered
            .put(asked, pins.answers(), Arc::clone(&resolved));
        Ok(resolved)
    }

    async fn resolve_packs(
        &self,
        registry: &dyn Registry,
        ansible: &dyn AnsibleRunner,
        target: &Target<'_>,
        found: &FoundProfile,
        pins: &Pins,
    ) -> Result<Resolved, ResolveError> {
        let packs = select::packs(registry, &self.packs, found, pins).await?;
        let os = select::one(&packs, Layer::Os, found)?;
        let kubernetes = select::one(&packs, Layer::K8s, found)?;
        suits(&packs[os], target)?;
        let kind = kind(&packs, os)?;
        let (base, (components, bundle)) = futures::try_join!(
            self.bases.find(registry, &packs[os], &found.project, pins),
            components::resolve(
                registry,
                &packs[kubernetes],
                &target.facts.architecture,
                kind,
                pins
            ),
        )?;
        self.assemble(
            ansible,
            target,
            Parts {
                found,
                packs,
                os,
                kubernetes,
                kind,
                base,
                components,
                bundle,
            },
        )
    }

    fn assemble(
        &self,
        ansible: &dyn AnsibleRunner,
        target: &Target<'_>,
        parts: Parts<'_>,
    ) -> Result<Resolved, ResolveError> {
        let built_in = chain::built_in_variables(&parts)?;
        let named = named_secrets(&parts, &built_in)?;
        let masker = self.secrets.masker(&parts.found.profile, named);
        let disk_size_bytes = self.disk_size_bytes.max(parts.base.virtual_size_bytes);
        let chain = match parts.kind {
            Kind::Nothing => None,
            Kind::Install | Kind::RolesOnly => {
                let version = ansible.version()?;
                let context = chain::Context {
                    target,
                    disk_size_bytes,
                    ansible_core: &version,
                    masker: &masker,
                    secrets: &self.secrets,
                };
                Some(chain::chain(&parts, &built_in, &context)?)
            }
        };
        let policy = policy(&parts.packs[parts.kubernetes])?;
        Ok(Resolved {
            profile: parts.found.reference.clone(),
            project: parts.found.project.clone(),
            os: parts.os,
            kubernetes: parts.kubernetes,
            kind: parts.kind,
            disk_size_bytes,
            packs: parts.packs,
            base: parts.base,
            components: parts.components,
            bundle: parts.bundle,
            policy,
            signature: chain.as_ref().map(Chain::signature),
            chain,
            built_in,
            masker,
        })
    }
}

/// What was found, before the chain is made of it.
pub(super) struct Parts<'a> {
    pub(super) found: &'a FoundProfile,
    pub(super) packs: Vec<SelectedPack>,
    pub(super) os: usize,
    pub(super) kubernetes: usize,
    pub(super) kind: Kind,
    pub(super) base: Base,
    pub(super) components: Vec<ResolvedComponent>,
    pub(super) bundle: Option<Bundle>,
}

/// The values of variables that their names call secret.
fn named_secrets(
    parts: &Parts<'_>,
    built_in: &BTreeMap<&'static str, Map<String, Value>>,
) -> Result<Vec<String>, ResolveError> {
    let mut found = Vec::new();
    for variables in built_in.values() {
        named::secrets(variables, &mut found);
    }
    for pack in &parts.packs {
        for role in &pack.source.pack.manifest.ansible_roles {
            named::secrets(&pack.values.of_role(role)?, &mut found);
        }
    }
    Ok(found)
}
