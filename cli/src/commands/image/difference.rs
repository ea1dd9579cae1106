//! Pulls what differs: a new file is put together from images that are here and from the parts
//! that none of them has, and its digest decides.
//!
//! It never fails where a pull of the whole might work; it says so, and the caller pulls the whole.

use std::path::Path;

use imagebuilder_chunks::{CopyError, Plan};
use registry_client::{Client, ClientError, Descriptor, Progress as _, hash_file};
use registry_pack::{Algorithm, Digest, RepositoryName};
use tempfile::NamedTempFile;

use super::chunk_map::{self, Fetched};
use super::reuse::{self, Here, Mapped};
use crate::context::Context;
use crate::error::CliError;
use crate::output::size;

/// A disk in a registry.
pub(super) struct Wanted<'a> {
    pub(super) client: &'a Client,
    pub(super) repository: &'a RepositoryName,
    /// The manifest that names it.
    pub(super) image: &'a Digest,
    pub(super) disk: &'a Descriptor,
}

/// What a pull moved, in bytes. Zeros that neither was fetched nor copied are in neither.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    pub(super) fetched: u64,
    pub(super) reused: u64,
}

/// Pulls the disk with the help of what is here. `moved` is told what that took; false when the
/// whole has to be pulled.
pub(super) async fn pull(
    wanted: &Wanted<'_>,
    here: Vec<Here>,
    output: &Path,
    context: &Context,
    moved: &mut Moved,
) -> Result<bool, CliError> {
    // What was put together is hashed as our own images are.
    if here.is_empty() || wanted.disk.digest.algorithm() != Algorithm::Sha256 {
        return Ok(false);
    }
    let map = match wanted.map().await {
        Ok(Some(map)) => map,
        Ok(None) if !reuse::is_asked(&here) => return Ok(false),
        Ok(None) => return whole(context, "the image has no map of its chunks"),
        Err(error) => return whole(context, &format!("its map cannot be had ({error})")),
    };
    moved.fetched += map.size_bytes;
    let here = reuse::map(here, &context.progress()).await?;
    let plan = Plan::new(&map.map, &here.maps);
    if plan.bytes_local() == 0 {
        return whole(context, "it has nothing in common with what is here");
    }
    assemble(wanted, plan, here, output, context, moved).await
}

/// Says why the pieces that are here do not help.
fn whole(context: &Context, why: &str) -> Result<bool, CliError> {
    let text = format!("{why}: the whole image is fetched");
    context.output.remark(text);
    Ok(false)
}

async fn assemble(
    wanted: &Wanted<'_>,
    plan: Plan,
    here: Mapped,
    output: &Path,
    context: &Context,
    moved: &mut Moved,
) -> Result<bool, CliError> {
    let part = part(output)?;
    let plan = copy(wanted, plan, here, &part, output, context).await?;
    match wanted.fetch(&plan, part.path(), context).await {
        Ok(()) => moved.fetched += plan.bytes_remote(),
        // Who cannot give parts may well give the whole.
        Err(error @ (ClientError::Unsupported { .. } | ClientError::Protocol { .. })) => {
            return whole(context, &error.to_string());
        }
        Err(error) => return Err(error.into()),
    }
    let (digest, _) = hash_file(part.path()).await?;
    if digest != wanted.disk.digest {
        let why = format!("what was put together is another file, {digest}");
        return whole(context, &why);
    }
    keep(part, output).await?;
    moved.reused += plan.bytes_local();
    Ok(true)
}

impl Wanted<'_> {
    async fn map(&self) -> Result<Option<Fetched>, ClientError> {
        chunk_map::find(self.client, self.repository, self.image, self.disk).await
    }

    async fn fetch(&self, plan: &Plan, part: &Path, context: &Context) -> Result<(), ClientError> {
        if plan.fetches().is_empty() {
            return Ok(());
        }
        let progress = context.progress();
        self.client
            .pull_blob_ranges(self.repository, self.disk, plan.fetches(), part, &progress)
            .await
    }
}

/// A file beside the output: it gets that name when it is whole and right, or goes away.
fn part(output: &Path) -> Result<NamedTempFile, CliError> {
    let folder = match output.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .prefix(".pull-")
        .suffix(".part")
        .tempfile_in(folder)
        .map_err(|error| CliError::io("write into", folder, &error))
}

/// Copies what is here; gives the plan back.
async fn copy(
    wanted: &Wanted<'_>,
    plan: Plan,
    here: Mapped,
    part: &NamedTempFile,
    output: &Path,
    context: &Context,
) -> Result<Plan, CliError> {
    let Mapped { paths, disks, .. } = here;
    let file = part
        .reopen()
        .map_err(|error| CliError::io("write", output, &error))?;
    let label = format!("reuse for {}", wanted.disk.title().unwrap_or("the disk"));
    let transfer = context.progress().transfer(&label, plan.bytes_local());
    let copying = tokio::task::spawn_blocking(move || {
        let copied = plan.copy(&disks, &file, &mut |bytes| transfer.position(bytes));
        (plan, copied)
    });
    let (plan, copied) = copying
        .await
        .map_err(|error| CliError::failed("the copy broke off").caused_by(&error))?;
    match copied {
        Ok(()) => Ok(plan),
        Err(CopyError::Write(error)) => Err(CliError::io("write", output, &error)),
        Err(CopyError::Read { from, source }) => {
            let path = paths.get(from).map_or(output, |path| path);
            Err(CliError::io("read", path, &source))
        }
    }
}

async fn keep(part: NamedTempFile, output: &Path) -> Result<(), CliError> {
    let failed = |error: &std::io::Error| CliError::io("write", output, error);
    let file = part.reopen().map_err(|error| failed(&error))?;
    let synced = tokio::fs::File::from_std(file).sync_data().await;
    synced.map_err(|error| failed(&error))?;
    part.persist(output).map_err(|error| failed(&error.error))?;
    Ok(())
}

impl Moved {
    /// For people, where anything was reused.
    pub(super) fn text(self) -> Option<String> {
        let text = || {
            format!(
                "fetched {}, reused {}",
                size(self.fetched),
                size(self.reused)
            )
        };
        (self.reused > 0).then(text)
    }
}
