//! From "this profile, please" to exact inputs: packs, roles, variables, components, base image, signature.
//!
//! It reads the registry and this host's caches; it starts no machine and writes no journal.

mod base;
mod cache;
mod chain;
mod components;
mod error;
mod forms;
mod masker;
mod named;
mod parts;
mod pins;
mod remembered;
mod secrets;
mod select;
mod values;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use imagebuilder_api::policy::{Policy, Verify};
use imagebuilder_api::signature::Signature;
use imagebuilder_api::{Chain, EnsureImage};
use imagebuilder_provider::ProviderFacts;
use registry_pack::{Layer, Role};
use serde_json::{Map, Value};

use crate::ansible::AnsibleRunner;
use crate::registry::Registry;
use crate::resolve::cache::{CachedPack, PackCache};
use crate::resolve::remembered::{Asked, Remembered};
use crate::resolve::select::{FoundProfile, ProfileCache};

pub(crate) use base::Base;
pub(crate) use components::{Bundle, ResolvedComponent};
pub(crate) use error::ResolveError;
pub(crate) use masker::{Masker, SHORTEST_SECRET};
pub(crate) use pins::Pins;
pub(crate) use secrets::SecretStore;
pub(crate) use values::RoleValues;

/// A pack of the profile, at a digest, with the values that count.
#[derive(Debug)]
pub(crate) struct SelectedPack {
    pub(crate) layer: Layer,
    /// `<name>:<version>`.
    pub(crate) name: String,
    pub(crate) source: Arc<CachedPack>,
    pub(crate) values: RoleValues,
}

/// What images are built for.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) provider: &'static str,
    pub(crate) facts: ProviderFacts,
    /// In the words of `cloudTypes`.
    pub(crate) cloud_types: &'a [String],
}

/// What is to be built, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `skipK8sInstall: "false"`: hardening, Kubernetes, then roles.
    Install,
    /// `"true"` with roles anywhere: only the roles run.
    RolesOnly,
    /// `"true"` and no roles: the referenced image is used as it is.
    Nothing,
}

/// A profile, resolved: everything that a build needs to know.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) profile: String,
    pub(crate) project: String,
    pub(crate) packs: Vec<SelectedPack>,
    pub(crate) os: usize,
    pub(crate) kubernetes: usize,
    pub(crate) kind: Kind,
    pub(crate) disk_size_bytes: u64,
    pub(crate) base: Base,
    pub(crate) components: Vec<ResolvedComponent>,
    pub(crate) bundle: Option<Bundle>,
    pub(crate) policy: Policy,
    /// None where nothing is built.
    pub(crate) chain: Option<Chain>,
    /// That of the chain.
    pub(crate) signature: Option<Signature>,
    /// Variables of built-in roles, by role.
    pub(crate) built_in: BTreeMap<&'static str, Map<String, Value>>,
    pub(crate) masker: Masker,
}

impl Resolved {
    /// Whether Packyard puts Kubernetes on the image.
    pub(crate) fn installs_kubernetes(&self) -> bool {
        self.kind == Kind::Install
    }

    /// Whether the machine gets a volume with components.
    pub(crate) fn needs_media(&self) -> bool {
        self.components
            .iter()
            .any(|component| component.source == "bundle")
    }

    pub(crate) fn os_pack(&self) -> &SelectedPack {
        &self.packs[self.os]
    }

    pub(crate) fn kubernetes_pack(&self) -> &SelectedPack {
        &self.packs[self.kubernetes]
    }
}

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
        if let Some(resolved) = before.await? {
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
pub(crate) struct Parts<'a> {
    found: &'a FoundProfile,
    packs: Vec<SelectedPack>,
    os: usize,
    kubernetes: usize,
    kind: Kind,
    base: Base,
    components: Vec<ResolvedComponent>,
    bundle: Option<Bundle>,
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

/// Which of the three kinds of OS pack this is, all packs' roles counted.
fn kind(packs: &[SelectedPack], os: usize) -> Result<Kind, ResolveError> {
    let skip = packs[os]
        .source
        .pack
        .manifest
        .skip_k8s_install()
        .map_err(ResolveError::pack)?;
    let roles = packs
        .iter()
        .any(|pack| !pack.source.pack.manifest.ansible_roles.is_empty());
    Ok(match (skip, roles) {
        (false, _) => Kind::Install,
        (true, true) => Kind::RolesOnly,
        (true, false) => Kind::Nothing,
    })
}

/// Refuses an OS pack for another cloud.
fn suits(os: &SelectedPack, target: &Target<'_>) -> Result<(), ResolveError> {
    let wanted = target.cloud_types;
    let has = &os.source.pack.manifest.cloud_types;
    if has
        .iter()
        .any(|cloud| cloud == "all" || wanted.contains(cloud))
    {
        return Ok(());
    }
    let message = format!(
        "OS pack {} is for {}, and this provider builds for {}; choose another OS pack or provider",
        os.name,
        has.join(", "),
        wanted.join(", ")
    );
    Err(ResolveError::input("WrongCloud", message))
}

/// For a Kubernetes pack that has no policy of its own: the node's scored checks, none waived.
const DEFAULT_POLICY: &str =
    "{schemaVersion: 1, benchmark: cis-1.12, level: scored, targets: [node], verify: boot}";

fn policy(kubernetes: &SelectedPack) -> Result<Policy, ResolveError> {
    let text = kubernetes
        .source
        .pack
        .policy
        .as_deref()
        .unwrap_or(DEFAULT_POLICY);
    let policy = Policy::parse(text, &format!("policy.yaml of {}", kubernetes.name))
        .map_err(|error| ResolveError::input("BadPolicy", error.to_string()))?;
    if policy.verify == Verify::Cluster {
        let message = format!(
            "the policy of {} asks for `verify: cluster`, and this builder verifies by `boot` only; write that, or use a builder that forms a cluster",
            kubernetes.name
        );
        return Err(ResolveError::input("PolicyNotSupported", message));
    }
    Ok(policy)
}

/// The roles that a pack names, each with its folder.
pub(crate) fn roles(pack: &SelectedPack) -> Result<Vec<Role>, ResolveError> {
    pack.source.pack.roles().map_err(ResolveError::pack)
}
