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
mod resolver;
mod secrets;
mod select;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use imagebuilder_api::Chain;
use imagebuilder_api::policy::{Policy, Verify};
use imagebuilder_api::signature::Signature;
use imagebuilder_provider::ProviderFacts;
use registry_pack::{Layer, Role};
use serde_json::{Map, Value};

use crate::resolve::cache::CachedPack;

pub(crate) use base::Base;
pub(crate) use components::{Bundle, ResolvedComponent};
pub(crate) use error::ResolveError;
pub(crate) use masker::{Masker, SHORTEST_SECRET};
pub(crate) use pins::Pins;
pub(crate) use resolver::Resolver;
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
