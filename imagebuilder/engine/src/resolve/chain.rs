//! From what was found to the chain of stages whose last id is the signature.

use std::collections::BTreeMap;

use imagebuilder_api::Chain;
use imagebuilder_api::signature::{
    BaseImage, BaseInputs, ComponentIdentity, ComponentInputs, FileInputs, HardenInputs,
    KubernetesInputs, PackInputs, RoleInputs, SealInputs, SkippedInputs, SkippedStage, StageInputs,
    Variables,
};
use registry_pack::components::{Kind as FileKind, Purpose};
use registry_pack::{Digest, Role};
use serde_json::{Map, Value};

use crate::ansible::Collection;
use crate::resolve::resolver::Parts;
use crate::resolve::{
    Kind, Masker, ResolveError, ResolvedComponent, SecretStore, SelectedPack, Target, parts,
};

/// The built-in roles.
pub(crate) const HARDEN: &str = "harden";
pub(crate) const CONTAINER_RUNTIME: &str = "container_runtime";
pub(crate) const KUBERNETES: &str = "kubernetes";
pub(crate) const SEAL: &str = "seal";

/// Raised whenever the engine runs a stage in another way, so that older stages are not taken for it.
pub(super) const STAGE_VERSION: u32 = 1;

/// What the signature covers beside the profile.
pub(crate) struct Context<'a> {
    pub(crate) target: &'a Target<'a>,
    pub(crate) disk_size_bytes: u64,
    pub(crate) ansible_core: &'a str,
    pub(crate) masker: &'a Masker,
    pub(crate) secrets: &'a SecretStore,
}

/// The variables of built-in roles: hardening and sealing from the OS pack, the others from the Kubernetes pack.
pub(crate) fn built_in_variables(
    parts: &Parts<'_>,
) -> Result<BTreeMap<&'static str, Map<String, Value>>, ResolveError> {
    let (os, kubernetes) = (&parts.packs[parts.os], &parts.packs[parts.kubernetes]);
    let from = [
        (HARDEN, os),
        (CONTAINER_RUNTIME, kubernetes),
        (KUBERNETES, kubernetes),
        (SEAL, os),
    ];
    from.into_iter()
        .map(|(role, pack)| Ok((role, pack.values.of_built_in(role)?)))
        .collect()
}

/// The chain of an image.
pub(crate) fn chain(
    parts: &Parts<'_>,
    built_in: &BTreeMap<&'static str, Map<String, Value>>,
    context: &Context<'_>,
) -> Result<Chain, ResolveError> {
    let own = |role: &'static str| built_in_role(role, &built_in[role], context);
    let mut stages = vec![base(parts, context)];
    if parts.kind == Kind::Install {
        stages.push(StageInputs::Harden(HardenInputs {
            stage_version: STAGE_VERSION,
            ansible_core: context.ansible_core.to_owned(),
            roles: vec![own(HARDEN)],
            freshness: freshness(&parts.packs[parts.os]),
        }));
        stages.push(StageInputs::Kubernetes(KubernetesInputs {
            stage_version: STAGE_VERSION,
            ansible_core: context.ansible_core.to_owned(),
            pack: pack_inputs(&parts.packs[parts.kubernetes]),
            components: parts
                .components
                .iter()
                .map(component)
                .collect::<Result<_, _>>()?,
            roles: vec![own(CONTAINER_RUNTIME), own(KUBERNETES)],
            freshness: freshness(&parts.packs[parts.kubernetes]),
        }));
    } else {
        stages.extend(
            [SkippedStage::Harden, SkippedStage::Kubernetes]
                .map(|skipped| StageInputs::Skipped(SkippedInputs { skipped })),
        );
    }
    for pack in &parts.packs {
        stages.extend(parts::stages_of(pack, context)?);
    }
    stages.push(StageInputs::Seal(SealInputs {
        stage_version: STAGE_VERSION,
        ansible_core: context.ansible_core.to_owned(),
        roles: vec![own(SEAL)],
    }));
    Chain::new(stages).map_err(|error| ResolveError::input("BadProfile", error.to_string()))
}

fn base(parts: &Parts<'_>, context: &Context<'_>) -> StageInputs {
    StageInputs::Base(BaseInputs {
        provider: context.target.provider.to_owned(),
        output_format: context.target.facts.output_format.as_str().to_owned(),
        architecture: parts.base.architecture.clone(),
        firmware: parts.base.firmware.clone(),
        disk_size_bytes: context.disk_size_bytes,
        image: BaseImage::Digest(parts.base.disk.digest.clone()),
    })
}

pub(super) fn pack_role(
    pack: &SelectedPack,
    role: &Role,
    context: &Context<'_>,
) -> Result<RoleInputs, ResolveError> {
    if !role.has_tasks() {
        let message = format!(
            "role {} of pack {} has no tasks/main.yml; add it, or take the role out of ansibleRoles",
            role.name, pack.name
        );
        return Err(ResolveError::input("BadRole", message));
    }
    let file = |file: &registry_pack::PackFile| {
        (
            file.path.clone(),
            FileInputs {
                digest: file.digest.clone(),
                executable: file.executable,
            },
        )
    };
    Ok(RoleInputs {
        name: role.name.clone(),
        files: role.files.iter().map(file).collect(),
        variables: variables(&pack.values.of_role(&role.name)?, context),
    })
}

/// A role of our collection. The modules that the collection brings are part of each: a role does what they do.
fn built_in_role(
    name: &'static str,
    values: &Map<String, Value>,
    context: &Context<'_>,
) -> RoleInputs {
    let inputs = |bytes: &[u8]| FileInputs {
        digest: Digest::sha256(bytes),
        executable: false,
    };
    let own = Collection
        .role(name)
        .into_iter()
        .map(|file| (file.path, inputs(file.bytes)));
    let plugins = Collection
        .plugins()
        .into_iter()
        .map(|file| (file.path, inputs(file.bytes)));
    RoleInputs {
        name: name.to_owned(),
        files: own.chain(plugins).collect(),
        variables: variables(values, context),
    }
}

fn variables(values: &Map<String, Value>, context: &Context<'_>) -> Option<Variables> {
    let variable = |(name, value): (&String, &Value)| {
        (
            name.clone(),
            context.secrets.variable(name, value, context.masker),
        )
    };
    (!values.is_empty()).then(|| values.iter().map(variable).collect())
}

pub(super) fn pack_inputs(pack: &SelectedPack) -> PackInputs {
    let manifest = &pack.source.pack.manifest;
    PackInputs {
        name: manifest.name.to_string(),
        version: manifest.version.as_str().to_owned(),
        digest: pack.source.pack.content_digest(),
    }
}

pub(super) fn freshness(pack: &SelectedPack) -> Option<String> {
    pack.source.pack.manifest.freshness().map(str::to_owned)
}

fn component(component: &ResolvedComponent) -> Result<ComponentInputs, ResolveError> {
    let identity = match (&component.sha256, component.source) {
        (Some(sha256), _) => ComponentIdentity::Sha256(sha256.clone()),
        (None, "apt") => ComponentIdentity::Debian(component.version.clone()),
        (None, source) => {
            let message = format!(
                "component {} has no checksum, and {source} needs one; add it to components.yaml",
                component.name
            );
            return Err(ResolveError::input("ChecksumMissing", message));
        }
    };
    let kind = match component.kind {
        FileKind::Binary => "binary",
        FileKind::Archive => "archive",
        FileKind::Deb => "deb",
    };
    let purpose = match component.purpose {
        Purpose::Install => "install",
        Purpose::Tool => "tool",
    };
    Ok(ComponentInputs {
        name: component.name.clone(),
        version: component.version.clone(),
        kind: kind.to_owned(),
        identity,
        purpose: purpose.to_owned(),
        install: component.install.clone(),
    })
}
