//! Disks that are kept: base images and stages.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use imagebuilder_provider::{Disk, DiskFormat, DiskId, DiskSource, ProviderError};
use jiff::Timestamp;
use registry_pack::Digest;
use serde::{Deserialize, Serialize};

use crate::layout::Layout;
use crate::qemu_img::QemuImg;
use crate::resources;
use crate::{diagnose, durable};

/// `disks/<id>.json`: its presence says that the file beside it is whole and never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiskRecord {
    pub(crate) schema_version: u32,
    pub(crate) id: DiskId,
    pub(crate) parent: Option<DiskId>,
    pub(crate) format: DiskFormat,
    pub(crate) virtual_size_bytes: u64,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created: Timestamp,
}

impl DiskRecord {
    pub(crate) const SCHEMA_VERSION: u32 = 1;

    /// The record, if the disk is there and whole.
    pub(crate) async fn read(layout: &Layout, id: &DiskId) -> Result<Option<Self>, ProviderError> {
        let record: Option<Self> = durable::read_record(layout.disk_record(id)).await?;
        Ok(record.filter(|record| layout.disk_file(id, record.format).exists()))
    }

    pub(crate) async fn require(layout: &Layout, id: &DiskId) -> Result<Self, ProviderError> {
        Self::read(layout, id).await?.ok_or_else(|| {
            ProviderError::never(
                format!("there is no disk {id}"),
                "import it, or build the stage again",
            )
        })
    }
}

pub(crate) async fn disk(layout: &Layout, id: &DiskId) -> Result<Option<Disk>, ProviderError> {
    let Some(record) = DiskRecord::read(layout, id).await? else {
        return Ok(None);
    };
    let path = layout.disk_file(id, record.format);
    let metadata = tokio::fs::metadata(&path)
        .await
        .map_err(|error| diagnose::io("read", &path, error))?;
    Ok(Some(Disk {
        id: record.id,
        parent: record.parent,
        path: Some(path),
        size_bytes: metadata.len(),
    }))
}

pub(crate) async fn import(
    layout: &Layout,
    img: QemuImg<'_>,
    source: &DiskSource,
) -> Result<DiskId, ProviderError> {
    let id = import_id(source)?;
    if DiskRecord::read(layout, &id).await?.is_some() {
        return Ok(id);
    }
    let virtual_size_bytes = inspect(img, source).await?;
    let parent = match &source.parent {
        Some(parent) => Some(DiskRecord::require(layout, parent).await?),
        None => None,
    };
    let unfinished = durable::Partial::new_in(&layout.disks());
    let partial = unfinished.path().to_owned();
    place(&source.path, &partial, parent.is_some()).await?;
    if let Some(parent) = &parent {
        // The header names the parent as it was called where the stage was made.
        let backing = Layout::disk_name(&parent.id, parent.format);
        img.set_backing(&partial, &backing, parent.format).await?;
    }
    if source.format == DiskFormat::Qcow2 {
        img.check(&partial).await?;
    }
    let record = DiskRecord {
        schema_version: DiskRecord::SCHEMA_VERSION,
        id: id.clone(),
        parent: source.parent.clone(),
        format: source.format,
        virtual_size_bytes,
        tags: BTreeMap::new(),
        created: Timestamp::now(),
    };
    let file = layout.disk_file(&id, source.format);
    let failed = {
        let file = file.clone();
        move |error| diagnose::io("write", &file, error)
    };
    durable::blocking(move || keep(&partial, &file))
        .await
        .map_err(failed)?;
    durable::write_record(layout.disk_record(&id), &record).await?;
    Ok(id)
}

/// The same bytes on another parent are another disk.
fn import_id(source: &DiskSource) -> Result<DiskId, ProviderError> {
    let mut name = source.digest.to_string().replace(':', "-");
    if let Some(parent) = &source.parent {
        let parent = Digest::sha256(parent.as_str().as_bytes());
        name = format!("{name}-on-{}", &parent.hex()[..16]);
    }
    name.parse().map_err(|error| {
        ProviderError::never("the digest cannot name a disk", "use sha256").because(error)
    })
}

/// Reads the header of what a stranger may have made: it must not lead to other files of this host.
async fn inspect(img: QemuImg<'_>, source: &DiskSource) -> Result<u64, ProviderError> {
    let path = &source.path;
    tokio::fs::metadata(path)
        .await
        .map_err(|error| diagnose::io("read", path, error))?;
    let info = img.info(path, source.format).await?;
    let refuse = |why: &str, hint: &str| {
        Err(ProviderError::never(
            format!("{} {why}", path.display()),
            hint,
        ))
    };
    if info.format != source.format.as_str() {
        return refuse(
            &format!("is {} and not {}", info.format, source.format.as_str()),
            "import it under its real format",
        );
    }
    if info.has_data_file() {
        return refuse(
            "keeps its data in another file of the host",
            "convert it with `qemu-img convert -O qcow2`",
        );
    }
    if source.parent.is_none() && info.backing_filename.is_some() {
        return refuse(
            "is only the difference to another file",
            "flatten it with `qemu-img convert -O qcow2`",
        );
    }
    if source.parent.is_some() && source.format != DiskFormat::Qcow2 {
        return refuse(
            "is raw and cannot be the difference to another disk",
            "import it without a parent",
        );
    }
    Ok(info.virtual_size)
}

/// Brings the file in: linked where it stays as it is and the file system allows, else copied.
async fn place(from: &Path, to: &Path, will_change: bool) -> Result<(), ProviderError> {
    let (source, target) = (from.to_owned(), to.to_owned());
    let work = move || {
        if !will_change && fs::hard_link(&source, &target).is_ok() {
            return Ok(());
        }
        // The kernel shares the blocks where the file system can.
        fs::copy(&source, &target)?;
        fs::set_permissions(&target, fs::Permissions::from_mode(0o600))
    };
    durable::blocking(work)
        .await
        .map_err(|error| diagnose::io("bring in", from, error))
}

/// Makes a finished file a disk: synced, read-only, under its name.
fn keep(partial: &Path, file: &Path) -> io::Result<()> {
    fs::File::open(partial)?.sync_all()?;
    fs::set_permissions(partial, fs::Permissions::from_mode(0o444))?;
    fs::rename(partial, file)?;
    durable::sync_folder(file.parent().unwrap_or(file))
}

pub(crate) async fn delete(layout: &Layout, id: &DiskId) -> Result<(), ProviderError> {
    let in_use = |by: String| {
        Err(ProviderError::never(
            format!("disk {id} is in use by {by}"),
            "remove that first",
        ))
    };
    for machine in resources::machine_files(layout).await? {
        if machine.uses(id) {
            return in_use(format!("machine {}", machine.id));
        }
    }
    for other in resources::disk_records(layout).await? {
        if other.parent.as_ref() == Some(id) {
            return in_use(format!("disk {}", other.id));
        }
    }
    // The record goes first: without it the file is garbage, and with it alone a lie.
    let mut paths = vec![layout.disk_record(id)];
    paths.extend([DiskFormat::Qcow2, DiskFormat::Raw].map(|format| layout.disk_file(id, format)));
    remove_all(paths).await
}

/// Removes files; one that is gone is gone.
pub(crate) async fn remove_all(paths: Vec<std::path::PathBuf>) -> Result<(), ProviderError> {
    for path in paths {
        let removed = path.clone();
        match durable::blocking(move || fs::remove_file(removed)).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(diagnose::io("remove", &path, error)),
        }
    }
    Ok(())
}
