//! Keeps the disk as it is after a stage, for this build and every later one.

use std::time::Duration;

use serde_json::json;

use crate::build::Build;
use crate::failure::Failure;
use crate::stages;
use crate::steps::{Outcome, Part};

const SYNC_TIMEOUT: Duration = Duration::from_secs(300);

pub(super) async fn run(build: &Build, part: &Part) -> Result<Outcome, Failure> {
    let stage = part.stage()?;
    let resolved = build.resolved()?;
    let machine = build.machine()?;
    machine
        .ssh
        .root("write everything to the disk", "sync", SYNC_TIMEOUT)
        .await?;
    let disk = build
        .shop
        .provider
        .checkpoint(&machine.id, &stage.id)
        .await?;
    let size_bytes = stages::keep(build, &resolved, stage, &disk).await?;
    let message = format!(
        "{} captured as {} ({} MiB)",
        stage.name,
        stage.id.short(),
        size_bytes >> 20
    );
    Outcome::done(message).with(&json!({"disk": disk, "sizeBytes": size_bytes}))
}
