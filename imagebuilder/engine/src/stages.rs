//! Captured stages: on this host, in the registry, and from one to the other.
//!
//! A stage is the difference to the stage below it. It is addressed by its
//! content-made id, so whoever captured it, it is the same; what comes out of
//! the registry is checked before anything stands on it.

use std::cmp::Reverse;
use std::io;
use std::path::{Path, PathBuf};

use imagebuilder_api::signature::{Link, StageRecord};
use imagebuilder_api::{StageId, StageInputs};
use imagebuilder_provider::{DiskFormat, DiskId, DiskSource, ResourceKind, Tags};
use registry_pack::{Digest, RepositoryName, media};
use sha2::{Digest as _, Sha256};

use crate::build::{Build, Plan};
use crate::failure::Failure;
use crate::journal::StageRow;
use crate::registry::{Artifact, Content, Descriptor, Layer, RegistryError};
use crate::resolve::Resolved;
use crate::steps::StagePart;
use crate::workshop::Workshop;

/// Fast rather than small: it competes with the emulator for the processor.
const COMPRESSION_LEVEL: i32 = 3;
const RECORD_BYTES: u64 = 16 << 20;

/// Looks for the deepest stage that is there and says what is missing above it.
pub(crate) async fn plan(build: &Build, resolved: &Resolved) -> Result<Plan, Failure> {
    let chain = resolved
        .chain
        .as_ref()
        .ok_or_else(|| Failure::person("Internal", "there is nothing to build"))?;
    let links = chain.links();
    let captured: Vec<usize> = (0..links.len())
        .filter(|at| links[*at].inputs.is_captured())
        .collect();
    let mut missing = Vec::new();
    for at in captured.iter().rev().copied() {
        let link = &links[at];
        if let Some(disk) = disk_of(build, resolved, &links, at).await? {
            missing.reverse();
            return Ok(Plan {
                start: Some((link.id.clone(), disk)),
                missing,
            });
        }
        missing.push(StagePart {
            id: link.id.clone(),
            name: link.inputs.name(),
            index: at,
        });
    }
    missing.reverse();
    Ok(Plan {
        start: None,
        missing,
    })
}

/// The disk of a captured stage, from this host or else from the registry.
async fn disk_of(
    build: &Build,
    resolved: &Resolved,
    links: &[Link<'_>],
    at: usize,
) -> Result<Option<DiskId>, Failure> {
    let shop = &build.shop;
    if let Some(disk) = kept(build, &links[at].id, build.fresh).await? {
        return Ok(Some(disk));
    }
    if build.fresh {
        return Ok(None);
    }
    match fetch(shop, resolved, links, at).await {
        Ok(disk) => Ok(disk),
        Err(failure) => {
            // A stage that cannot be fetched is made again; that is slower and never wrong.
            let name = links[at].inputs.name();
            tracing::warn!(build.id = %build.id, stage = name, "a stored stage is not usable: {failure}");
            let message = format!(
                "stage {name} is in the registry but not usable, and is made again: {failure}"
            );
            build
                .event(imagebuilder_api::EventType::Warning, None, &message, None)
                .await?;
            Ok(None)
        }
    }
}

/// The disk of a stage on this host; with `own`, only if this build captured it.
async fn kept(build: &Build, id: &StageId, own: bool) -> Result<Option<DiskId>, Failure> {
    let row = build.shop.journal.stage(id.as_str()).await?;
    match row {
        Some(row) if own && row.build.as_deref() != Some(&build.id) => Ok(None),
        Some(row) => usable(&build.shop, &row).await,
        None => Ok(None),
    }
}

async fn usable(shop: &Workshop, row: &StageRow) -> Result<Option<DiskId>, Failure> {
    if row.provider != shop.provider.name() {
        return Ok(None);
    }
    let Ok(id) = row.disk.parse::<DiskId>() else {
        return Ok(None);
    };
    if shop.provider.disk(&id).await?.is_some() {
        return Ok(Some(id));
    }
    shop.journal.forget_stage(&row.id).await?;
    Ok(None)
}

/// The base image's disk, brought to this host where it is missing.
pub(crate) async fn base_disk(shop: &Workshop, resolved: &Resolved) -> Result<DiskId, Failure> {
    let chain = resolved
        .chain
        .as_ref()
        .ok_or_else(|| Failure::person("Internal", "there is nothing to build"))?;
    let base = &chain.links()[0];
    // Kept under the digest: another disk size is another base stage on the same file.
    let id = resolved.base.disk.digest.to_string();
    if let Some(row) = shop.journal.stage(&id).await?
        && let Some(disk) = usable(shop, &row).await?
    {
        return Ok(disk);
    }
    let download = Download::new(shop, &id.replace(':', "-"))?;
    shop.registry.download(&resolved.base.repository, &resolved.base.disk, &download.path).await.map_err(|error| match error {
        RegistryError::Mismatch { expected, actual, .. } => Failure::person(
            "DigestMismatch",
            format!(
                "base image {} does not match its digest: expected {expected}, actual {actual}; bring it in again with `packyard image import`",
                resolved.base.name
            ),
        ),
        other => other.into(),
    })?;
    let source = DiskSource {
        digest: resolved.base.disk.digest.clone(),
        path: download.path.clone(),
        format: DiskFormat::Qcow2,
        parent: None,
    };
    let disk = shop.provider.import_disk(&source).await?;
    let size_bytes = resolved.base.disk.size_bytes;
    let row = StageRow {
        pushed: Some(resolved.base.manifest.to_string()),
        ..row(shop, &id, None, base.inputs, &disk, resolved, size_bytes)?
    };
    shop.journal.put_stage(&row).await?;
    Ok(disk)
}

/// Keeps a stage that a machine of this build just made.
pub(crate) async fn keep(
    build: &Build,
    resolved: &Resolved,
    stage: &StagePart,
    disk: &DiskId,
) -> Result<u64, Failure> {
    let shop = &build.shop;
    let chain = resolved
        .chain
        .as_ref()
        .ok_or_else(|| Failure::person("Internal", "there is nothing to build"))?;
    let links = chain.links();
    let link = links
        .get(stage.index)
        .ok_or_else(|| Failure::person("Internal", "a stage is not in the chain"))?;
    let size_bytes = shop
        .provider
        .disk(disk)
        .await?
        .map_or(0, |disk| disk.size_bytes);
    let mut row = row(
        shop,
        link.id.as_str(),
        link.parent.as_ref(),
        link.inputs,
        disk,
        resolved,
        size_bytes,
    )?;
    row.seconds = build.seconds(&link.id);
    row.build = Some(build.id.clone());
    shop.journal.put_stage(&row).await?;
    shop.stage_captured.notify_one();
    Ok(size_bytes)
}

/// Removes disks that this build captured and came no further with: no row names them.
pub(crate) async fn discard_unkept(build: &Build) -> Result<(), Failure> {
    let shop = &build.shop;
    let mut disks: Vec<_> = shop
        .provider
        .resources()
        .await?
        .into_iter()
        .filter(|one| one.kind == ResourceKind::Disk)
        .filter(|one| one.tags.get(Tags::BUILD) == Some(&build.id))
        .collect();
    let kept = shop.journal.stages().await?;
    // The youngest first: it may stand on the one before.
    disks.sort_by_key(|disk| Reverse(disk.created));
    for disk in disks {
        if !kept.iter().any(|stage| stage.disk == disk.id)
            && let Ok(id) = disk.id.parse::<DiskId>()
        {
            shop.provider.delete_disk(&id).await?;
        }
    }
    Ok(())
}

fn row(
    shop: &Workshop,
    id: &str,
    parent: Option<&StageId>,
    inputs: &StageInputs,
    disk: &DiskId,
    resolved: &Resolved,
    size_bytes: u64,
) -> Result<StageRow, Failure> {
    Ok(StageRow {
        id: id.to_owned(),
        parent: parent.map(ToString::to_string),
        name: inputs.name(),
        provider: shop.provider.name().to_owned(),
        disk: disk.to_string(),
        inputs: serde_json::to_string(inputs)
            .map_err(|error| Failure::person("Internal", error.to_string()))?,
        size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
        seconds: 0.0,
        build: None,
        project: resolved.project.clone(),
        pushed: None,
    })
}

fn repository(project: &str) -> Result<RepositoryName, Failure> {
    format!("{project}/stages")
        .parse()
        .map_err(|error: registry_pack::ParseError| {
            Failure::person("BadReference", error.to_string())
        })
}

/// Fetches a stage and whatever lies below it; `None` where the registry lacks one of them.
async fn fetch(
    shop: &Workshop,
    resolved: &Resolved,
    links: &[Link<'_>],
    at: usize,
) -> Result<Option<DiskId>, Failure> {
    let repository = repository(&resolved.project)?;
    // From the wanted stage down to the first that this host has.
    let mut wanted = Vec::new();
    let mut below = None;
    for lower in (0..=at)
        .rev()
        .filter(|lower| links[*lower].inputs.is_captured())
    {
        if lower != at
            && let Some(row) = shop.journal.stage(links[lower].id.as_str()).await?
            && let Some(disk) = usable(shop, &row).await?
        {
            below = Some(disk);
            break;
        }
        let Some(found) = shop
            .registry
            .resolve(&repository, links[lower].id.as_str())
            .await?
        else {
            return Ok(None);
        };
        wanted.push((lower, found));
    }
    let mut disk = match below {
        Some(disk) => disk,
        None => base_disk(shop, resolved).await?,
    };
    for (lower, found) in wanted.into_iter().rev() {
        disk = fetch_one(shop, resolved, &repository, &links[lower], &found, disk).await?;
    }
    Ok(Some(disk))
}

async fn fetch_one(
    shop: &Workshop,
    resolved: &Resolved,
    repository: &RepositoryName,
    link: &Link<'_>,
    found: &Descriptor,
    parent: DiskId,
) -> Result<DiskId, Failure> {
    let bad = |why: String| {
        Failure::person(
            "BadStage",
            format!("stage {} in {repository}: {why}", link.id),
        )
    };
    let manifest = shop.registry.manifest(repository, &found.digest).await?;
    let config = shop
        .registry
        .blob(repository, &manifest.config, RECORD_BYTES)
        .await?;
    let record: StageRecord =
        serde_json::from_slice(&config).map_err(|error| bad(error.to_string()))?;
    record.verify().map_err(|error| bad(error.to_string()))?;
    if record.id != link.id {
        return Err(bad(format!("its record is that of stage {}", record.id)));
    }
    let layer = manifest
        .layers
        .iter()
        .find(|layer| layer.media_type == media::STAGE_DISK);
    let layer = layer.ok_or_else(|| bad("it has no disk".to_owned()))?;
    let packed = Download::new(shop, &format!("{}.zst", link.id))?;
    shop.registry
        .download(repository, layer, &packed.path)
        .await?;
    let unpacked = Download::new(shop, &format!("{}.qcow2", link.id))?;
    let (from, to) = (packed.path.clone(), unpacked.path.clone());
    let digest = blocking(move || decompress(&from, &to)).await?;
    let source = DiskSource {
        digest,
        path: unpacked.path.clone(),
        format: DiskFormat::Qcow2,
        parent: Some(parent),
    };
    let disk = shop.provider.import_disk(&source).await?;
    let size_bytes = shop
        .provider
        .disk(&disk)
        .await?
        .map_or(0, |disk| disk.size_bytes);
    let row = row(
        shop,
        link.id.as_str(),
        link.parent.as_ref(),
        link.inputs,
        &disk,
        resolved,
        size_bytes,
    )?;
    shop.journal
        .put_stage(&StageRow {
            pushed: Some(found.digest.to_string()),
            ..row
        })
        .await?;
    Ok(disk)
}

/// Pushes one stage that the registry does not have yet; false where there is none.
pub(crate) async fn push_next(shop: &Workshop) -> Result<bool, Failure> {
    let Some(row) = shop.journal.unpushed_stage().await? else {
        return Ok(false);
    };
    let id: DiskId = match row.disk.parse() {
        Ok(id) => id,
        Err(_) => return forget(shop, &row).await,
    };
    let Some(path) = shop.provider.disk(&id).await?.and_then(|disk| disk.path) else {
        return forget(shop, &row).await;
    };
    let record = record_of(&row)?;
    let packed = Download::new(shop, &format!("{}.push.zst", row.id))?;
    let to = packed.path.clone();
    blocking(move || compress(&path, &to)).await?;
    let config = serde_json::to_vec(&record)
        .map_err(|error| Failure::person("Internal", error.to_string()))?;
    let artifact = Artifact {
        artifact_type: media::STAGE.to_owned(),
        config: (media::STAGE_CONFIG.to_owned(), config),
        layers: vec![Layer {
            media_type: media::STAGE_DISK.to_owned(),
            title: format!("{}.qcow2.zst", row.id),
            content: Content::File(packed.path.clone()),
        }],
        subject: None,
        annotations: Vec::new(),
    };
    let pushed = shop
        .registry
        .push(&repository(&row.project)?, Some(&row.id), &artifact)
        .await?;
    shop.journal
        .stage_pushed(&row.id, pushed.digest.as_str())
        .await?;
    Ok(true)
}

/// A row whose disk is gone has nothing to push.
async fn forget(shop: &Workshop, row: &StageRow) -> Result<bool, Failure> {
    shop.journal.forget_stage(&row.id).await?;
    Ok(true)
}

fn record_of(row: &StageRow) -> Result<StageRecord, Failure> {
    let corrupt = |why: String| {
        Failure::person(
            "JournalFailed",
            format!("the row of stage {} does not parse: {why}", row.id),
        )
    };
    let inputs: StageInputs =
        serde_json::from_str(&row.inputs).map_err(|error| corrupt(error.to_string()))?;
    let parent = row
        .parent
        .as_deref()
        .unwrap_or_default()
        .parse::<StageId>()
        .map_err(|error| corrupt(error.to_string()))?;
    Ok(StageRecord::new(parent, inputs))
}

/// A file on its way, gone when dropped.
struct Download {
    path: PathBuf,
}

impl Download {
    fn new(shop: &Workshop, name: &str) -> Result<Self, Failure> {
        let folder = shop.config.downloads();
        std::fs::create_dir_all(&folder).map_err(|error| {
            Failure::host(&format!("make the folder {}", folder.display()), &error)
        })?;
        Ok(Self {
            path: folder.join(name),
        })
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::person("Internal", error.to_string()))?;
    done.map_err(|error| Failure::host("pack or unpack a stage", &error))
}

fn compress(from: &Path, to: &Path) -> io::Result<()> {
    let source = std::fs::File::open(from)?;
    let target = std::fs::File::create(to)?;
    zstd::stream::copy_encode(source, target, COMPRESSION_LEVEL)
}

/// Unpacks, and answers with the digest of what came out.
fn decompress(from: &Path, to: &Path) -> io::Result<Digest> {
    struct Hashing<W> {
        inner: W,
        hash: Sha256,
    }
    impl<W: io::Write> io::Write for Hashing<W> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let written = self.inner.write(bytes)?;
            self.hash.update(&bytes[..written]);
            Ok(written)
        }
        fn flush(&mut self) -> io::Result<()> {
            self.inner.flush()
        }
    }
    let mut target = Hashing {
        inner: std::fs::File::create(to)?,
        hash: Sha256::new(),
    };
    zstd::stream::copy_decode(std::fs::File::open(from)?, &mut target)?;
    target.inner.sync_all()?;
    Ok(Digest::from_sha256(target.hash.finalize().into()))
}
