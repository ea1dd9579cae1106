//! Lists what is installed on the machine, as a software bill of materials.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::build::Build;
use crate::failure::Failure;
use crate::sbom;
use crate::steps::{Outcome, Part};

const INSPECT_TIMEOUT: Duration = Duration::from_secs(180);
/// In the build's folder.
pub(crate) const SBOM_FILE: &str = "sbom.cdx.json";

/// What later steps compare with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Inspected {
    pub(crate) packages: usize,
    /// The machine-id of the build machine; no other machine may have it.
    pub(crate) machine_id: String,
}

/// One round trip: every login costs seconds in an emulated guest.
const SCRIPT: &str = "cat /etc/machine-id; echo; cat /etc/os-release; echo; \
    dpkg-query -W -f '${Package}\\t${Version}\\t${Architecture}\\t${source:Package}\\t${db:Status-Status}\\n'";

pub(super) async fn run(build: &Build, _: &Part) -> Result<Outcome, Failure> {
    let machine = build.machine()?;
    let resolved = build.resolved()?;
    let output = machine
        .ssh
        .root("list the packages", SCRIPT, INSPECT_TIMEOUT)
        .await?
        .text();
    let (machine_id, packages) = output.split_once('\n').unwrap_or(("", ""));
    let bill = sbom::cyclonedx(&build.signature, &resolved, packages);
    let path = build.path(SBOM_FILE)?;
    let document = build.masker().json(bill.document);
    std::fs::write(&path, format!("{document:#}\n"))
        .map_err(|error| Failure::host(&format!("write {}", path.display()), &error))?;
    let inspected = Inspected {
        packages: bill.packages,
        machine_id: machine_id.trim().to_owned(),
    };
    Outcome::done(format!("{} packages listed", inspected.packages)).with(&inspected)
}
