//! Boots the captured image once, as a stranger would, and looks from outside.
//!
//! The machine is thrown away. It gets another user, another host key and
//! another instance id, so that whatever the build left behind shows. While it boots, the
//! file goes to the registry, where no manifest names it before the look has ended well, and is
//! cut into chunks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use imagebuilder_api::{CheckSummary, StepName};
use imagebuilder_provider::{CapturedImage, DiskFormat, DiskId, DiskSource, Network};
use registry_pack::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::build::Build;
use crate::failure::{Failure, chain};
use crate::images;
use crate::machine::{self, LiveMachine, Wanted};
use crate::reach;
use crate::ssh::{BUILD_USER, VERIFY_USER};
use crate::steps::inspect::Inspected;
use crate::steps::{Outcome, Part, chunk_map};

const LOOK_TIMEOUT: Duration = Duration::from_secs(600);
const DISK: &str = "disk";

/// What the record says of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verified {
    pub(crate) check: CheckSummary,
    /// The digest of the file that was booted.
    pub(crate) digest: Digest,
}

pub(super) async fn run(build: &Build, _: &Part) -> Result<Outcome, Failure> {
    let captured: CapturedImage = build
        .output(StepName::Capture)
        .ok_or_else(|| Failure::person("Internal", "nothing was captured"))?;
    let path = captured.path.clone().ok_or_else(|| {
        Failure::person(
            "Internal",
            format!(
                "provider {} keeps no file of the image",
                build.shop.provider.name()
            ),
        )
    })?;
    look_like_an_image(build, &captured, &path)?;
    let digest = digest_of(path.clone()).await?;
    let publishing = async {
        upload(build, &path, &digest).await;
        chunk_map::make(build, &path).await;
        Ok(())
    };
    let booting = boot(build, &captured, path.clone(), &digest);
    let (findings, ()) = tokio::try_join!(booting, publishing)?;
    let failed: Vec<&str> = findings
        .iter()
        .filter(|one| !one.passed)
        .map(|one| one.message.as_str())
        .collect();
    if !failed.is_empty() {
        let message = format!(
            "the captured image booted and is not fit to be one: {}",
            failed.join("; ")
        );
        return Err(Failure::person("VerificationFailed", message));
    }
    let message = format!(
        "boots, takes a fresh seed, is clean ({} checks)",
        findings.len()
    );
    let check = CheckSummary {
        name: "boot".to_owned(),
        passed: true,
        message: message.clone(),
        totals: None,
    };
    Outcome::done(message).with(&Verified { check, digest })
}

/// Boots the file in a throw-away machine and looks at it.
async fn boot(
    build: &Build,
    captured: &CapturedImage,
    path: PathBuf,
    digest: &Digest,
) -> Result<Vec<Finding>, Failure> {
    let disk = import(build, captured, path, digest).await?;
    let wanted = Wanted {
        purpose: machine::VERIFY,
        user: VERIFY_USER,
        disk,
        disk_size_bytes: captured.virtual_size_bytes,
        media: Vec::new(),
        network: Network::Offline,
        proxied: false,
    };
    let machine = machine::launch(build, wanted).await?;
    let machine = machine::wait_for_ssh(build, &machine).await?;
    let findings = look(build, &machine).await?;
    drop(machine);
    undo(build).await?;
    Ok(findings)
}

/// Saves time and nothing else: what did not arrive, `PublishRecord` sends.
async fn upload(build: &Build, path: &Path, digest: &Digest) {
    let uploaded = match build
        .resolved()
        .map(|resolved| images::repository(&resolved))
    {
        Ok(Ok(repository)) => build.shop.registry.upload(&repository, path, digest).await,
        // Whoever needs the name says what is wrong with it.
        _ => return,
    };
    if let Err(error) = uploaded {
        tracing::info!(build.id = %build.id, "the image is not in the registry before it is verified: {}", chain(&error));
    }
}

/// What is read to its end below has an end, and is what the provider says that it made.
fn look_like_an_image(build: &Build, captured: &CapturedImage, path: &Path) -> Result<(), Failure> {
    let found = std::fs::metadata(path).ok();
    let found = found.filter(std::fs::Metadata::is_file);
    let size = found.map(|file| file.len());
    if size == Some(captured.size_bytes) {
        return Ok(());
    }
    let what = format!(
        "it captured {} bytes into {}, where {}",
        captured.size_bytes,
        path.display(),
        size.map_or_else(
            || "there is no file".to_owned(),
            |size| format!("{size} are")
        )
    );
    Err(Failure::contradiction(build.shop.provider.name(), &what))
}

/// Makes the captured file a disk that a machine can start from.
async fn import(
    build: &Build,
    captured: &CapturedImage,
    path: PathBuf,
    digest: &Digest,
) -> Result<DiskId, Failure> {
    let provider = &build.shop.provider;
    let intent = format!("{}.{DISK}", captured.id);
    let deadline = jiff::Timestamp::now() + build.shop.config.machine_lifetime;
    build
        .journal
        .intend(
            &intent,
            DISK,
            machine::VERIFY,
            provider.name(),
            &crate::journal::stamp(deadline),
        )
        .await?;
    let format = match captured.format.as_str() {
        "raw" => DiskFormat::Raw,
        _ => DiskFormat::Qcow2,
    };
    let source = DiskSource {
        digest: digest.clone(),
        path,
        format,
        parent: None,
    };
    let disk = provider.import_disk(&source).await?;
    build.journal.created(&intent, disk.as_str()).await?;
    Ok(disk)
}

struct Finding {
    passed: bool,
    message: String,
}

async fn look(build: &Build, machine: &LiveMachine) -> Result<Vec<Finding>, Failure> {
    let inspected: Option<Inspected> = build.output(StepName::Inspect);
    let resolved = build.resolved()?;
    let script = SCRIPT
        .replace("@INSTANCE@", &machine.instance)
        .replace("@BUILD_INSTANCE@", &format!("packyard-{}-build", build.id))
        .replace("@BUILD_USER@", BUILD_USER)
        .replace("@PROXY@", reach::GUEST_ADDRESS)
        .replace(
            "@MACHINE_ID@",
            inspected
                .as_ref()
                .map_or("none", |inspected| inspected.machine_id.as_str()),
        )
        .replace(
            "@KUBERNETES@",
            if resolved.installs_kubernetes() {
                "yes"
            } else {
                "no"
            },
        );
    let output = machine
        .ssh
        .root("look at the booted image", &script, LOOK_TIMEOUT)
        .await?;
    let findings: Vec<Finding> = output.text().lines().filter_map(finding).collect();
    match findings.last() {
        Some(last) if last.message == "end" => Ok(findings),
        _ => Err(Failure::retry(
            "VerificationBroken",
            format!(
                "the look at the booted image broke off: {}",
                output.complaint()
            ),
        )),
    }
}

fn finding(line: &str) -> Option<Finding> {
    let (word, message) = line.split_once(' ')?;
    let passed = match word {
        "pass" => true,
        "fail" => false,
        _ => return None,
    };
    Some(Finding {
        passed,
        message: message.to_owned(),
    })
}

/// Prints one line for each thing that must hold: `pass`, or `fail` and what was found instead.
const SCRIPT: &str = include_str!("verify.sh");

async fn digest_of(path: PathBuf) -> Result<Digest, Failure> {
    let what = format!("read the captured image {}", path.display());
    let hash = tokio::task::spawn_blocking(move || hash(&path))
        .await
        .map_err(|error| Failure::person("Internal", error.to_string()))?;
    hash.map_err(|error| Failure::host(&what, &error))
}

fn hash(path: &Path) -> std::io::Result<Digest> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        let read = std::io::Read::read(&mut file, &mut chunk)?;
        if read == 0 {
            return Ok(Digest::from_sha256(hash.finalize().into()));
        }
        hash.update(&chunk[..read]);
    }
}

/// Destroys the throw-away machine, then forgets its disk.
pub(super) async fn undo(build: &Build) -> Result<(), Failure> {
    machine::destroy(build, machine::VERIFY).await?;
    for row in build.shop.journal.resources_of(&build.id).await? {
        if row.kind != DISK {
            continue;
        }
        if let Some(Ok(id)) = row.id.as_deref().map(str::parse::<DiskId>) {
            build.shop.provider.delete_disk(&id).await?;
        }
        build.shop.journal.resource_gone(&row.intent).await?;
    }
    Ok(())
}
