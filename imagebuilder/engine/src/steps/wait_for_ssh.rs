//! Waits until the machine answers with the host key that it was given, and mounts the components.

use std::sync::Arc;

use crate::build::Build;
use crate::failure::Failure;
use crate::machine;
use crate::media;
use crate::steps::{Outcome, Part};

pub(super) async fn run(build: &Build, _: &Part) -> Result<Outcome, Failure> {
    let machine = build.machine()?;
    let connected = machine::wait_for_ssh(build, &machine).await?;
    if build.resolved()?.needs_media() {
        media::mount(&connected).await?;
    }
    let message = format!("machine {} answers with its own host key", connected.id);
    build.set_machine(Some(Arc::new(connected)));
    Ok(Outcome::done(message))
}
