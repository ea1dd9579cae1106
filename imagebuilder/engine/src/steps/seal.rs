//! Removes what must not be in an image, and switches the machine off.

use imagebuilder_provider::{Ended, MachineState};

use crate::build::Build;
use crate::failure::{Failure, Remedy};
use crate::machine::{self, LiveMachine};
use crate::steps::{Outcome, Part};
use crate::{guest_logs, sealing};

pub(super) async fn run(build: &Build, _: &Part) -> Result<Outcome, Failure> {
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
        seal(build, &machine).await?;
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

/// Runs the role's script and keeps what it says it took out.
async fn seal(build: &Build, machine: &LiveMachine) -> Result<(), Failure> {
    let resolved = build.resolved()?;
    let given = resolved.built_in.get("seal").cloned().unwrap_or_default();
    let script = sealing::script(&given)?;
    let limit = build.shop.config.stage_timeout;
    let sealing = machine.ssh.root("seal the machine", &script, limit);
    let output = tokio::select! {
        output = sealing => output?,
        lost = machine::watch(build, &machine.id) => return Err(lost),
    };
    guest_logs::keep_seal(build, &output.text());
    Ok(())
}
