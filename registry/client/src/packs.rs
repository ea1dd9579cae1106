//! Packs: the archive as the one layer of a manifest in the form that ORAS 1.0
//! writes, so that Palette reads what we push.

use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use registry_pack::{Limits, Pack, PackError, PackName, RepositoryName, Tag, archive, media};

use crate::artifacts::{self, Artifact, Content, Layer};
use crate::client::Client;
use crate::descriptor::{Descriptor, Manifest};
use crate::error::ClientError;
use crate::progress::Progress;

/// A pack that is on the server now.
#[derive(Clone, Debug)]
pub struct PushedPack {
    /// Where.
    pub repository: RepositoryName,
    /// Under which tag: its version.
    pub tag: Tag,
    /// Its manifest.
    pub manifest: Descriptor,
    /// Its archive.
    pub archive: Descriptor,
}

/// A pack that is in a folder now.
#[derive(Clone, Debug)]
pub struct PulledPack {
    /// Its manifest on the server.
    pub manifest: Descriptor,
    /// Its archive on the server.
    pub archive: Descriptor,
    /// The folder.
    pub root: PathBuf,
    /// What the server warned of, such as that the pack is deprecated.
    pub warnings: Vec<String>,
}

/// Pushes a pack into a project, under its own name and version.
///
/// # Errors
/// When the folder cannot be archived or the server refuses.
pub async fn push(
    client: &Client,
    pack: &Pack,
    project: &str,
    progress: &dyn Progress,
) -> Result<PushedPack, ClientError> {
    let name: PackName = pack.manifest.name.to_string().parse()?;
    let repository = RepositoryName::for_pack(project, &name)?;
    let tag: Tag = pack.manifest.version.as_str().parse()?;
    let (file, written) = write_archive(pack).await?;
    let mut layer = Layer::file(media::PACK_LAYER, &written.title, file.path());
    layer.content = Content::File(file.path().to_owned(), Some(written.digest.clone()));
    let artifact = Artifact {
        artifact_type: None,
        config_media_type: media::PACK_CONFIG.to_owned(),
        config: Bytes::from_static(media::EMPTY_CONFIG_BYTES),
        layers: vec![layer],
        subject: None,
        annotations: std::collections::BTreeMap::new(),
    };
    let manifest =
        artifacts::push(client, &repository, Some(tag.as_str()), &artifact, progress).await?;
    let archive = Descriptor::new(media::PACK_LAYER, written.digest, written.size_bytes)
        .titled(written.title);
    Ok(PushedPack {
        repository,
        tag,
        manifest,
        archive,
    })
}

/// Pulls a pack into a folder, which must not exist yet or be empty.
///
/// # Errors
/// When it is not there, is no pack, or its archive is unsafe or broken.
pub async fn pull(
    client: &Client,
    repository: &RepositoryName,
    target: &str,
    dest: &Path,
    limits: &Limits,
    progress: &dyn Progress,
) -> Result<PulledPack, ClientError> {
    refuse_existing(dest)?;
    let (raw, manifest) = client.manifest(repository, target).await?;
    let archive = archive_layer(client, &format!("{repository}:{target}"), &manifest)?.clone();
    if archive.size_bytes > limits.archive_bytes {
        return Err(PackError::TooLarge {
            what: format!("the archive of {repository}"),
            limit: format!("{} bytes", limits.archive_bytes),
            remedy: "raise the limit if you trust who pushed it".to_owned(),
        }
        .into());
    }
    let parent = match dest.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    tokio::fs::create_dir_all(parent)
        .await
        .map_err(ClientError::io("create", parent))?;
    let work = tempfile::Builder::new()
        .prefix(".pull-")
        .tempdir_in(parent)
        .map_err(ClientError::io("write into", parent))?;
    let file = work.path().join("archive");
    client
        .pull_blob_to_file(repository, &archive, &file, progress)
        .await?;
    unpack(&file, &work.path().join("pack"), dest, limits.clone()).await?;
    Ok(PulledPack {
        manifest: raw.descriptor(),
        archive,
        root: dest.to_owned(),
        warnings: raw.warnings,
    })
}

/// The layer that is the pack's archive: the only one, or the one titled so.
fn archive_layer<'a>(
    client: &Client,
    what: &str,
    manifest: &'a Manifest,
) -> Result<&'a Descriptor, ClientError> {
    let titled = |layer: &&Descriptor| {
        layer
            .title()
            .is_some_and(|title| title.ends_with(".tar.gz"))
    };
    match manifest.layers.as_slice() {
        [only] => Ok(only),
        layers => layers
            .iter()
            .find(titled)
            .ok_or_else(|| client.odd(what, "it is no pack: no layer is an archive")),
    }
}

async fn write_archive(
    pack: &Pack,
) -> Result<(tempfile::NamedTempFile, archive::Archive), ClientError> {
    let pack = pack.clone();
    let writing = tokio::task::spawn_blocking(move || {
        let mut file = tempfile::NamedTempFile::new()
            .map_err(|error| ClientError::io("write into", &std::env::temp_dir())(error))?;
        let path = file.path().to_owned();
        let mut out = std::io::BufWriter::new(file.as_file_mut());
        let written = archive::write(&pack, &mut out)?;
        out.flush().map_err(ClientError::io("write", &path))?;
        drop(out);
        Ok((file, written))
    });
    writing
        .await
        .unwrap_or_else(|error| Err(ClientError::Usage(error.to_string())))
}

async fn unpack(file: &Path, into: &Path, dest: &Path, limits: Limits) -> Result<(), ClientError> {
    let (file, into, dest) = (file.to_owned(), into.to_owned(), dest.to_owned());
    let unpacking = tokio::task::spawn_blocking(move || {
        std::fs::create_dir(&into).map_err(ClientError::io("create", &into))?;
        let open = std::fs::File::open(&file).map_err(ClientError::io("read", &file))?;
        let root = archive::unpack(BufReader::new(open), &into, &limits)?;
        if dest.exists() {
            std::fs::remove_dir(&dest).map_err(ClientError::io("replace", &dest))?;
        }
        std::fs::rename(&root, &dest).map_err(ClientError::io("create", &dest))
    });
    unpacking
        .await
        .unwrap_or_else(|error| Err(ClientError::Usage(error.to_string())))
}

fn refuse_existing(dest: &Path) -> Result<(), ClientError> {
    let Ok(mut entries) = std::fs::read_dir(dest) else {
        return match dest.exists() {
            true => Err(ClientError::Usage(format!(
                "{} exists and is no folder",
                dest.display()
            ))),
            false => Ok(()),
        };
    };
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(ClientError::Usage(format!(
            "{} exists and is not empty; name another folder or remove it",
            dest.display()
        ))),
    }
}
