//! Ends what is left of the build's machines, and removes what only the build needed.

use crate::build::Build;
use crate::failure::Failure;
use crate::machine;
use crate::steps::{Outcome, Part, capture};

pub(super) async fn run(build: &Build, _: &Part) -> Result<Outcome, Failure> {
    build.set_machine(None);
    machine::destroy(build, machine::BUILD).await?;
    super::verify::undo(build).await?;
    // The registry holds the disk now.
    capture::undo(build).await?;
    Ok(Outcome::done(
        "no machine, overlay or key of this build is left",
    ))
}
