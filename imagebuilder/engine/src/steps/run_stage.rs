//! Runs the roles of one missing stage on the machine.

use std::path::PathBuf;
use std::time::Instant;

use imagebuilder_api::{StageInputs, StepName};
use serde_json::{Map, Value, json};

use crate::ansible::{HOST, Playbook};
use crate::build::Build;
use crate::failure::Failure;
use crate::playbook::{self, Task};
use crate::resolve::{self, Resolved};
use crate::steps::{Outcome, Part};

pub(super) async fn run(build: &Build, part: &Part) -> Result<Outcome, Failure> {
    let stage = part.stage()?;
    let resolved = build.resolved()?;
    let chain = resolved
        .chain
        .as_ref()
        .ok_or_else(|| Failure::person("Internal", "there is nothing to build"))?;
    let inputs = chain
        .stages()
        .get(stage.index)
        .ok_or_else(|| Failure::person("Internal", "a stage is not in the chain"))?;
    let work = work(&resolved, inputs)?;
    let machine = build.machine()?;
    let started = Instant::now();
    let task = Task {
        step: StepName::RunStage,
        ident: ident(&stage.name, build.attempt),
        playbook: Playbook::Plays(work.plays),
        extra_vars: Map::new(),
        roles_paths: work.roles_paths,
        timeout: build.shop.config.stage_timeout,
    };
    let recap = playbook::run(build, &machine, task).await?;
    let seconds = started.elapsed().as_secs_f64();
    build.note_seconds(&stage.id, seconds);
    let message = format!(
        "{}: {} tasks, {} changed, {seconds:.0} s",
        stage.name, recap.ok, recap.changed
    );
    Outcome::done(message)
        .with(&json!({"seconds": seconds, "ok": recap.ok, "changed": recap.changed}))
}

struct Work {
    plays: Value,
    roles_paths: Vec<PathBuf>,
}

fn work(resolved: &Resolved, inputs: &StageInputs) -> Result<Work, Failure> {
    let of = match inputs {
        StageInputs::Roles(stage) => stage.pack.name.as_str(),
        StageInputs::Part(stage) => stage.pack.as_str(),
        _ => {
            let roles = inputs.roles().iter();
            let roles: Vec<Value> = roles.map(|role| built_in(resolved, &role.name)).collect();
            return Ok(Work {
                plays: play(&inputs.name(), false, roles),
                roles_paths: Vec::new(),
            });
        }
    };
    let pack = resolved
        .packs
        .iter()
        .find(|pack| pack.source.pack.manifest.name.as_str() == of);
    let pack = pack
        .ok_or_else(|| Failure::person("Internal", "a pack of the chain is not in the profile"))?;
    let mut roles = Vec::new();
    for role in resolve::roles(pack)? {
        if !inputs.roles().iter().any(|wanted| wanted.name == role.name) {
            continue;
        }
        let vars = pack.values.of_role(&role.name)?;
        // By its path: two packs may have roles of one name.
        roles.push(json!({"role": role.path(&pack.source.pack), "vars": vars}));
    }
    let root = &pack.source.pack.root;
    // Roles of other people may ask about the machine that they are on.
    Ok(Work {
        plays: play(&inputs.name(), true, roles),
        roles_paths: vec![root.clone(), root.join("ansible-roles")],
    })
}

fn built_in(resolved: &Resolved, role: &str) -> Value {
    let vars = resolved.built_in.get(role).cloned().unwrap_or_default();
    json!({"role": format!("packyard.image.{role}"), "vars": vars})
}

fn play(name: &str, gather_facts: bool, roles: Vec<Value>) -> Value {
    json!([{
        "name": name,
        "hosts": HOST,
        "become": true,
        "gather_facts": gather_facts,
        "gather_subset": ["!all", "min"],
        "any_errors_fatal": true,
        "roles": roles,
    }])
}

/// A name for files: the stage, and which attempt of the build this is.
fn ident(name: &str, attempt: i64) -> String {
    let safe: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '-'
            }
        })
        .collect();
    format!("{safe}-{attempt}")
}
