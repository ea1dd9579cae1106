//! `packyard image import`.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use registry_client::artifacts::{self, Artifact, Content, Layer};
use registry_client::{Descriptor, hash_file};
use registry_pack::{Digest, Reference, media};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{chunk_map, qcow2};
use crate::context::Context;
use crate::download::Download;
use crate::error::CliError;
use crate::output::size;
use crate::progress::Bars;

/// The largest download.
const MAX_BYTES: u64 = 64 << 30;
/// A download's name in its own folder.
const DOWNLOADED: &str = "image.qcow2";

/// Bring in a base image from a file or a download.
///
/// OS packs name base images in the annotation imageId. The image must be one
/// qcow2 file with cloud-init inside.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The qcow2 file, or an https:// address.
    source: String,
    /// Where to put it; PROJECT/images/base/NAME:TAG. Made from system and version when left out.
    reference: Option<String>,
    /// A JSON file with osName, osVersion, sshUsername and firmware. Options win over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The operating system, such as debian.
    #[arg(long)]
    os_name: Option<String>,
    /// Its version, such as 13.
    #[arg(long)]
    os_version: Option<String>,
    /// The user that cloud-init makes by default.
    #[arg(long)]
    ssh_username: Option<String>,
    /// How the image boots.
    #[arg(long)]
    firmware: Option<Firmware>,
    /// Refuse the image unless it has this digest; sha256:….
    #[arg(long)]
    digest: Option<Digest>,
}

/// How an image boots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Firmware {
    /// The old way.
    #[default]
    Bios,
    /// The newer way.
    Uefi,
}

/// What a file of --config may say; whatever else it says is passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Described {
    name: Option<String>,
    architecture: Option<String>,
    firmware: Option<Firmware>,
    os_name: Option<String>,
    os_version: Option<String>,
    ssh_username: Option<String>,
}

/// The configuration of a base image's artifact.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BaseImage {
    schema_version: u32,
    name: String,
    architecture: String,
    firmware: Firmware,
    format: &'static str,
    virtual_size_bytes: u64,
    os_name: String,
    os_version: String,
    ssh_username: String,
}

/// The file to push; a download is removed when this is dropped.
struct Source {
    path: PathBuf,
    digest: Digest,
    _download: Option<tempfile::TempDir>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let described = describe(&args)?;
    let progress = context.progress();
    // A file at hand is checked before anything else; a download only once
    // everything else is known, since it may take long.
    let early = match is_address(&args.source) {
        true => None,
        false => Some(obtain(&args, &progress).await?),
    };
    let (os_name, os_version, ssh_username) = names(&args, &described)?;
    let reference = place(&args, &os_name, &os_version)?;
    let tag = reference.tag.clone().ok_or_else(|| {
        CliError::usage(format!("{reference} has no tag"))
            .hint("write PROJECT/images/base/NAME:TAG")
    })?;
    let Source { path, digest, .. } = &match early {
        Some(source) => source,
        None => obtain(&args, &progress).await?,
    };
    let virtual_size_bytes = qcow2::virtual_size(path)?;
    let config = BaseImage {
        schema_version: 1,
        name: described
            .name
            .unwrap_or_else(|| reference.repository.last().to_owned()),
        architecture: described.architecture.unwrap_or_else(|| "amd64".to_owned()),
        firmware: args.firmware.or(described.firmware).unwrap_or_default(),
        format: "qcow2",
        virtual_size_bytes,
        os_name,
        os_version,
        ssh_username,
    };
    let client = context.client_for(&reference).await?;
    let artifact = artifact(&config, path, digest)?;
    let pushed = artifacts::push(
        &client,
        &reference.repository,
        Some(tag.as_str()),
        &artifact,
        &progress,
    )
    .await?;
    if let Some(why) = chunk_map::publish(&client, &reference.repository, &pushed, path).await? {
        let why = format!("whoever pulls it fetches it whole, since it has no map: {why}");
        context.output.remark(why);
    }
    answer(context, &reference, &pushed, digest, &config)
}

fn describe(args: &Args) -> Result<Described, CliError> {
    let Some(file) = &args.config else {
        return Ok(Described::default());
    };
    let text = std::fs::read_to_string(file).map_err(|error| CliError::io("read", file, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        CliError::usage(format!("{}: {error}", file.display()))
            .hint("it must be a JSON object, as README shows")
    })
}

/// System, version and user: from the options, else from the file of --config.
fn names(args: &Args, described: &Described) -> Result<(String, String, String), CliError> {
    Ok((
        wanted(&args.os_name, &described.os_name, "--os-name")?,
        wanted(&args.os_version, &described.os_version, "--os-version")?,
        wanted(
            &args.ssh_username,
            &described.ssh_username,
            "--ssh-username",
        )?,
    ))
}

fn wanted(
    option: &Option<String>,
    described: &Option<String>,
    flag: &str,
) -> Result<String, CliError> {
    option.clone().or_else(|| described.clone()).ok_or_else(|| {
        CliError::usage(format!("{flag} is missing"))
            .hint(format!("pass {flag}, or a --config FILE that says it"))
    })
}

fn place(args: &Args, os_name: &str, os_version: &str) -> Result<Reference, CliError> {
    let made = format!(
        "{}/images/base/{os_name}-{os_version}:{os_version}",
        media::DEFAULT_PROJECT
    );
    Ok(args.reference.as_deref().unwrap_or(&made).parse()?)
}

/// The digest of the file; it must be the one that was asked for.
async fn check(args: &Args, path: &Path) -> Result<Digest, CliError> {
    let (digest, _) = hash_file(path).await?;
    match &args.digest {
        Some(expected) if *expected != digest => Err(CliError::failed(format!(
            "{} has another digest: expected {expected}, got {digest}",
            args.source
        ))
        .hint("fetch the image again; if it stays, ask whoever published the digest")),
        _ => Ok(digest),
    }
}

fn artifact(config: &BaseImage, path: &Path, digest: &Digest) -> Result<Artifact, CliError> {
    let text = serde_json::to_vec(config).map_err(|error| {
        CliError::failed("cannot write the image's configuration").caused_by(&error)
    })?;
    let mut layer = Layer::file(media::DISK_QCOW2, &format!("{}.qcow2", config.name), path);
    layer.content = Content::File(path.to_owned(), Some(digest.clone()));
    Ok(Artifact::new(media::BASE_IMAGE)
        .with_config(media::BASE_IMAGE_CONFIG, text)
        .with_layer(layer))
}

fn answer(
    context: &Context,
    reference: &Reference,
    pushed: &Descriptor,
    disk: &Digest,
    config: &BaseImage,
) -> Result<(), CliError> {
    let name = reference.to_string();
    let answer =
        json!({"reference": name, "digest": pushed.digest, "disk": disk, "config": config});
    context.output.answer(&answer, || {
        format!(
            "imported {name}@{}, a disk of {}",
            pushed.digest,
            size(config.virtual_size_bytes)
        )
    })
}

fn is_address(source: &str) -> bool {
    source.contains("://")
}

/// The file, here and with the right digest.
async fn obtain(args: &Args, progress: &Bars) -> Result<Source, CliError> {
    let (path, download) = match is_address(&args.source) {
        true => {
            let folder = download(args, progress).await?;
            (folder.path().join(DOWNLOADED), Some(folder))
        }
        false => (PathBuf::from(&args.source), None),
    };
    Ok(Source {
        digest: check(args, &path).await?,
        path,
        _download: download,
    })
}

/// Downloads into a folder that goes away with the answer.
async fn download(args: &Args, progress: &Bars) -> Result<tempfile::TempDir, CliError> {
    let plain_http = args.source.starts_with("http://");
    if plain_http && args.digest.is_none() {
        return Err(CliError::usage("a download without TLS needs a digest")
            .hint("pass --digest sha256:…, or use an https:// address"));
    }
    // Beside the caller, since /tmp is often too small for disks.
    let folder = tempfile::Builder::new()
        .prefix(".import-")
        .tempdir_in(".")
        .map_err(|error| CliError::io("write into", Path::new("."), &error))?;
    let download = Download {
        url: &args.source,
        label: "the image",
        plain_http,
        max_bytes: MAX_BYTES,
    };
    download
        .to(&folder.path().join(DOWNLOADED), progress)
        .await?;
    Ok(folder)
}
