//! The stages of a pack's roles: one for all, or several where a role asks for its own.
//!
//! A role asks in `pack.json`, with the annotation `packyard.io/own-stage`. The roles between
//! two that ask share a stage.

use imagebuilder_api::StageInputs;
use imagebuilder_api::signature::{PartInputs, RolesInputs};
use registry_pack::{Digest, Pack, PackFile, Role, content_digest, media};

use crate::resolve::chain::{Context, STAGE_VERSION, freshness, pack_inputs, pack_role};
use crate::resolve::{ResolveError, SelectedPack, roles};

/// Read by the engine alone: what they say enters the signature where it counts.
const READ_BY_ENGINE: [&str; 8] = [
    "pack.json",
    "values.yaml",
    "presets.yaml",
    "schema.yaml",
    "README.md",
    "logo.png",
    "policy.yaml",
    "components.yaml",
];

/// The stages of a pack, in order; none where it has no roles.
pub(super) fn stages_of(
    pack: &SelectedPack,
    context: &Context<'_>,
) -> Result<Vec<StageInputs>, ResolveError> {
    let found = roles(pack)?;
    let own = own_stages(pack, &found)?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let inputs = |roles: &[&Role]| -> Result<Vec<_>, ResolveError> {
        roles
            .iter()
            .map(|role| pack_role(pack, role, context))
            .collect()
    };
    if own.is_empty() {
        let all: Vec<&Role> = found.iter().collect();
        return Ok(vec![StageInputs::Roles(RolesInputs {
            stage_version: STAGE_VERSION,
            ansible_core: context.ansible_core.to_owned(),
            pack: pack_inputs(pack),
            roles: inputs(&all)?,
            freshness: freshness(pack),
        })]);
    }
    let common = common(&pack.source.pack, &found);
    let mut stages = Vec::new();
    for part in split(&found, &own) {
        stages.push(StageInputs::Part(PartInputs {
            stage_version: STAGE_VERSION,
            ansible_core: context.ansible_core.to_owned(),
            pack: pack.source.pack.manifest.name.to_string(),
            common: common.clone(),
            roles: inputs(&part)?,
            freshness: freshness(pack),
        }));
    }
    Ok(stages)
}

/// The roles that ask for a stage of their own.
fn own_stages<'a>(pack: &'a SelectedPack, found: &[Role]) -> Result<Vec<&'a str>, ResolveError> {
    let own = pack.source.pack.manifest.own_stages();
    match own
        .iter()
        .find(|name| !found.iter().any(|role| role.name == **name))
    {
        None => Ok(own),
        Some(name) => {
            let message = format!(
                "annotation {} of pack {} names the role {name:?}, which is not in its ansibleRoles; correct the name",
                media::ANNOTATION_OWN_STAGE,
                pack.name
            );
            Err(ResolveError::input("BadPack", message))
        }
    }
}

fn split<'a>(found: &'a [Role], own: &[&str]) -> Vec<Vec<&'a Role>> {
    let mut parts: Vec<Vec<&Role>> = Vec::new();
    let mut alone = true;
    for role in found {
        let asks = own.contains(&role.name.as_str());
        match parts.last_mut() {
            Some(part) if !asks && !alone => part.push(role),
            _ => parts.push(vec![role]),
        }
        alone = asks;
    }
    parts
}

/// What every role of the pack may read beside its own folder.
fn common(pack: &Pack, found: &[Role]) -> Digest {
    let in_role = |file: &PackFile| {
        found.iter().any(|role| {
            file.path
                .strip_prefix(&role.dir)
                .is_some_and(|rest| rest.starts_with('/'))
        })
    };
    let files: Vec<PackFile> = pack
        .files
        .iter()
        .filter(|file| !in_role(file) && !READ_BY_ENGINE.contains(&file.path.as_str()))
        .cloned()
        .collect();
    content_digest(&files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_between_two_that_ask_share_a_stage() {
        let role = |name: &str| Role {
            name: name.to_owned(),
            dir: name.to_owned(),
            files: Vec::new(),
        };
        let roles: Vec<Role> = ["a", "b", "c", "d", "e", "f"].map(role).into();
        let names = |own: &[&str]| -> Vec<String> {
            let parts = split(&roles, own).into_iter();
            parts
                .map(|part| part.iter().map(|role| role.name.as_str()).collect())
                .collect()
        };
        assert_eq!(names(&["c"]), ["ab", "c", "def"]);
        assert_eq!(names(&["a", "b", "f"]), ["a", "b", "cde", "f"]);
    }
}
