//! Starts the build machine from the deepest stage, or from the base image.

use std::sync::Arc;

use imagebuilder_provider::Network;

use crate::build::Build;
use crate::failure::Failure;
use crate::guest_logs;
use crate::machine::{self, Wanted};
use crate::media;
use crate::ssh::BUILD_USER;
use crate::stages;
use crate::steps::{Outcome, Part};

pub(super) async fn run(build: &Build, _: &Part) -> Result<Outcome, Failure> {
    let resolved = build.resolved()?;
    let plan = build.plan()?;
    let disk = match &plan.start {
        Some((_, disk)) => disk.clone(),
        None => stages::base_disk(&build.shop, &resolved).await?,
    };
    let config = &build.shop.config;
    let wanted = Wanted {
        purpose: machine::BUILD,
        user: BUILD_USER,
        disk,
        disk_size_bytes: resolved.disk_size_bytes,
        media: media::assemble(build).await?,
        network: match config.reach {
            // What it may reach it reaches through its proxy, and nothing goes round that.
            Some(_) => Network::Offline,
            // Roles of packs may use the guest's own package sources.
            None => Network::Nat,
        },
        proxied: config.reach.is_some() || !config.proxies.is_empty(),
    };
    let machine = machine::launch(build, wanted).await?;
    let message = format!(
        "machine {} runs, SSH will answer on {}",
        machine.id, machine.ssh.address
    );
    build.set_machine(Some(Arc::new(machine)));
    Ok(Outcome::done(message))
}

pub(super) async fn undo(build: &Build) -> Result<(), Failure> {
    guest_logs::fetch(build).await;
    build.set_machine(None);
    machine::destroy(build, machine::BUILD).await?;
    // Only now: a disk cannot go while a machine stands on it.
    stages::discard_unkept(build).await
}
