//! Makes an image of a stopped machine's disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use imagebuilder_provider::{
    CaptureSpec, CapturedImage, DiskFormat, ImageId, MachineId, Progress, ProviderError,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::machine_file::MachineFile;
use crate::provider::Host;
use crate::{diagnose, disks, durable};

/// `images/<id>.json`: its presence says that the file beside it is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageFile {
    pub(crate) schema_version: u32,
    pub(crate) id: ImageId,
    pub(crate) virtual_size_bytes: u64,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created: Timestamp,
}

impl ImageFile {
    const SCHEMA_VERSION: u32 = 1;
}

pub(crate) async fn capture(
    host: &Host,
    id: &MachineId,
    spec: &CaptureSpec,
    progress: Progress<'_>,
) -> Result<CapturedImage, ProviderError> {
    let file = host.layout.image_file(&spec.name);
    let known: Option<ImageFile> =
        durable::read_record(host.layout.image_record(&spec.name)).await?;
    if let Some(known) = known
        && file.exists()
    {
        progress(1.0);
        return describe(known, file).await;
    }
    let machine = MachineFile::require(&host.layout, id).await?;
    if machine.live_process(&host.layout).await.is_some() {
        return Err(ProviderError::never(
            format!("machine {id} still runs"),
            "shut it down before it is captured",
        ));
    }
    let overlay = machine.current_overlay().ok_or_else(|| {
        ProviderError::never(format!("machine {id} never had a disk"), "launch it first")
    })?;
    let from = host.layout.disk_file(overlay, DiskFormat::Qcow2);
    let unfinished = durable::Partial::new_in(&host.layout.images());
    let partial = unfinished.path().to_owned();
    host.img()
        .flatten(&from, &partial, |percent| {
            progress((percent / 100.0).min(0.999));
        })
        .await?;
    finish(partial, file.clone()).await?;
    let record = ImageFile {
        schema_version: ImageFile::SCHEMA_VERSION,
        id: spec.name.clone(),
        virtual_size_bytes: machine.shape.disk_size_bytes,
        tags: spec.tags.clone(),
        created: Timestamp::now(),
    };
    durable::write_record(host.layout.image_record(&spec.name), &record).await?;
    progress(1.0);
    describe(record, file).await
}

pub(crate) async fn delete(host: &Host, id: &ImageId) -> Result<(), ProviderError> {
    disks::remove_all(vec![
        host.layout.image_record(id),
        host.layout.image_file(id),
    ])
    .await
}

async fn finish(partial: PathBuf, file: PathBuf) -> Result<(), ProviderError> {
    let failed = {
        let file = file.clone();
        move |error| diagnose::io("write", &file, error)
    };
    let work = move || {
        fs::File::open(&partial)?.sync_all()?;
        fs::set_permissions(&partial, fs::Permissions::from_mode(0o444))?;
        fs::rename(&partial, &file)?;
        durable::sync_folder(file.parent().unwrap_or(&file))
    };
    durable::blocking(work).await.map_err(failed)
}

async fn describe(record: ImageFile, file: PathBuf) -> Result<CapturedImage, ProviderError> {
    let metadata = tokio::fs::metadata(&file)
        .await
        .map_err(|error| diagnose::io("read", &file, error))?;
    Ok(CapturedImage {
        id: record.id,
        path: Some(file),
        size_bytes: metadata.len(),
        virtual_size_bytes: record.virtual_size_bytes,
        format: DiskFormat::Qcow2.as_str().to_owned(),
    })
}
