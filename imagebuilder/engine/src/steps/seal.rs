//! Removes what must not be in an image, and switches the machine off.

use imagebuilder_api::StepName;
use imagebuilder_provider::{Ended, MachineState};
use serde_json::{Map, json};

use crate::ansible::{HOST, Playbook};
use crate::build::Build;
use crate::failure::{Failure, Remedy};
use crate::guest_logs;
use crate::playbook::{self, Task};
use crate::steps::run_stage::ident;
use crate::steps::{Outcome, Part};

pub(super) async fn run(build: &Build, _: &Part) -> Result<Outcome, Failure> {
    let resolved = build.resolved()?;
    let machine = build.machine()?;
    // A try before this one may have got as far as switching it off.
    if !machine.is_sealed() {
        if !matches!(
            build.shop.provider.machine(&machine.id).await?,
            MachineState::Running { .. }
        ) {
            let message = "the machine stopped before it was sealed";
            return Err(Failure::new(Remedy::NewMachine, "MachineStopped", message));
        }
        // Sealing removes them.
        guest_logs::fetch(build).await;
        let vars = resolved.built_in.get("seal").cloned().unwrap_or_default();
        let task = Task {
            step: StepName::Seal,
            ident: ident("seal", build.attempt),
            playbook: Playbook::Plays(json!([{
                "name": "seal",
                "hosts": HOST,
                "become": true,
                "gather_facts": false,
                "roles": [{"role": "packyard.image.seal", "vars": vars}],
            }])),
            extra_vars: Map::new(),
            roles_paths: Vec::new(),
            timeout: build.shop.config.stage_timeout,
        };
        playbook::run(build, &machine, task).await?;
        machine.set_sealed();
    }
    let grace = build.shop.config.shutdown_timeout;
    match build.shop.provider.shutdown(&machine.id, grace).await? {
        Ended::ByGuest => Ok(Outcome::done("sealed and switched off")),
        // The last cleaning runs while the guest shuts down.
        Ended::ByForce => {
            let message = format!(
                "the guest did not shut down by itself within {} s, so it is not known to be clean",
                grace.as_secs()
            );
            Err(Failure::new(Remedy::NewMachine, "SealIncomplete", message))
        }
    }
}
