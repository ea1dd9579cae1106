//! Says what an image is made of, for programs and for people.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::SCHEMA_VERSION;
use super::chain::Chain;
use super::inputs::{BaseImage, ComponentIdentity, RoleInputs, StageInputs};
use super::sentence::show_variable;

/// All inputs, with the id of each stage.
pub fn explain(chain: &Chain) -> Value {
    let stage = |link: super::Link<'_>| json!({ "id": link.id, "name": link.inputs.name(), "inputs": link.inputs });
    json!({
        "signature": chain.signature(),
        "schemaVersion": SCHEMA_VERSION,
        "stages": chain.links().into_iter().map(stage).collect::<Vec<_>>(),
    })
}

/// The same as text, one line per input.
pub fn explain_text(chain: &Chain) -> String {
    let mut text = format!("signature  {}\n", chain.signature());
    for link in chain.links() {
        line(
            &mut text,
            0,
            &format!("{}  {}", link.id.short(), link.inputs.name()),
        );
        stage_lines(&mut text, link.inputs);
    }
    text
}

fn stage_lines(text: &mut String, inputs: &StageInputs) {
    match inputs {
        StageInputs::Base(base) => {
            line(
                text,
                1,
                &format!("provider {}, output {}", base.provider, base.output_format),
            );
            line(
                text,
                1,
                &format!("machine {}, {}", base.architecture, base.firmware),
            );
            line(text, 1, &format!("disk {} bytes", base.disk_size_bytes));
            let image = match &base.image {
                BaseImage::Digest(digest) => digest.to_string(),
                BaseImage::Id(id) => id.clone(),
            };
            line(text, 1, &format!("base image {image}"));
        }
        StageInputs::Skipped(_) => line(text, 1, "skipped"),
        StageInputs::Harden(harden) => {
            engine_line(
                text,
                harden.stage_version,
                &harden.ansible_core,
                harden.freshness.as_deref(),
            );
        }
        StageInputs::Kubernetes(kubernetes) => {
            let freshness = kubernetes.freshness.as_deref();
            engine_line(
                text,
                kubernetes.stage_version,
                &kubernetes.ansible_core,
                freshness,
            );
            pack_line(text, &kubernetes.pack);
            for component in &kubernetes.components {
                let identity = match &component.identity {
                    ComponentIdentity::Sha256(hash) => format!("sha256:{hash}"),
                    ComponentIdentity::Debian(version) => format!("Debian {version}"),
                };
                line(
                    text,
                    1,
                    &format!(
                        "component {} {}  {identity}",
                        component.name, component.version
                    ),
                );
            }
        }
        StageInputs::Roles(roles) => {
            engine_line(
                text,
                roles.stage_version,
                &roles.ansible_core,
                roles.freshness.as_deref(),
            );
            pack_line(text, &roles.pack);
        }
        StageInputs::Part(part) => {
            engine_line(
                text,
                part.stage_version,
                &part.ansible_core,
                part.freshness.as_deref(),
            );
            let (pack, common) = (&part.pack, &part.common);
            line(
                text,
                1,
                &format!("part of pack {pack}, its common files {common}"),
            );
        }
        StageInputs::Seal(seal) => engine_line(text, seal.stage_version, &seal.ansible_core, None),
    }
    for role in inputs.roles() {
        role_lines(text, role);
    }
}

fn engine_line(text: &mut String, stage_version: u32, ansible_core: &str, freshness: Option<&str>) {
    let freshness = freshness.map_or_else(String::new, |epoch| format!(", freshness {epoch}"));
    line(
        text,
        1,
        &format!("stage version {stage_version}, ansible-core {ansible_core}{freshness}"),
    );
}

fn pack_line(text: &mut String, pack: &super::PackInputs) {
    line(
        text,
        1,
        &format!("pack {} {}  {}", pack.name, pack.version, pack.digest),
    );
}

fn role_lines(text: &mut String, role: &RoleInputs) {
    line(text, 1, &format!("role {}", role.name));
    for (path, file) in &role.files {
        let executable = if file.executable { " (executable)" } else { "" };
        line(
            text,
            2,
            &format!("file {path}{executable}  {}", file.digest),
        );
    }
    for (name, variable) in role.variables.iter().flatten() {
        line(
            text,
            2,
            &format!("variable {name} = {}", show_variable(variable)),
        );
    }
}

fn line(text: &mut String, depth: usize, content: &str) {
    let indent = "  ".repeat(depth);
    writeln!(text, "{indent}{content}").expect("writing to a String does not fail");
}
