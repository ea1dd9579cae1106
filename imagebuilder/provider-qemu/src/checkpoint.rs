//! Keeps a machine's disk as it is now.
//!
//! The machine gets a new overlay on top; the one below never changes again and
//! becomes a disk by getting its record. A crash in between is repaired by the
//! repeated call: which overlay is on top, QEMU itself says.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use imagebuilder_api::StageId;
use imagebuilder_provider::{DiskFormat, DiskId, MachineId, ProviderError, Tags};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::arguments::{ROOT_DEVICE, disk_node};
use crate::disks::DiskRecord;
use crate::machine_file::MachineFile;
use crate::provider::Host;
use crate::qmp::Qmp;
use crate::{diagnose, durable, overlay};

pub(crate) async fn checkpoint(
    host: &Host,
    id: &MachineId,
    stage: &StageId,
) -> Result<DiskId, ProviderError> {
    let mut machine = MachineFile::require(&host.layout, id).await?;
    if let Some(disk) = machine.checkpoints.get(stage)
        && DiskRecord::read(&host.layout, disk).await?.is_some()
    {
        return Ok(disk.clone());
    }
    let kept = match machine.checkpoints.get(stage) {
        // Begun before and not finished: that very disk is completed.
        Some(disk) => disk.clone(),
        None => begin(&host.layout, &mut machine, stage).await?,
    };
    if machine.current_overlay() == Some(&kept) {
        overlay::add(&host.layout, host.img(), &mut machine).await?;
    }
    overlay::ensure(&host.layout, host.img(), &machine).await?;
    put_on_top(host, &machine, &kept).await?;
    keep(host, &machine, &kept, stage).await?;
    Ok(kept)
}

/// Writes down that the present overlay is to become the disk of that stage.
async fn begin(
    layout: &crate::layout::Layout,
    machine: &mut MachineFile,
    stage: &StageId,
) -> Result<DiskId, ProviderError> {
    let current = machine.current_overlay().cloned().ok_or_else(|| {
        ProviderError::never(
            format!("machine {} has no disk yet", machine.id),
            "launch it first",
        )
    })?;
    machine.checkpoints.insert(stage.clone(), current.clone());
    machine.write(layout).await?;
    Ok(current)
}

/// Makes the machine write to its newest overlay. A machine that is stopped does so when it starts.
async fn put_on_top(
    host: &Host,
    machine: &MachineFile,
    kept: &DiskId,
) -> Result<(), ProviderError> {
    if machine.live_process(&host.layout).await.is_none() {
        return Ok(());
    }
    let Some(top) = machine.current_overlay() else {
        return Ok(());
    };
    let file = host.layout.disk_file(top, DiskFormat::Qcow2);
    let mut qmp = Qmp::connect(host.layout.machine(&machine.id).path()).await?;
    let node = overlay::node_name(top);
    if top_node(&mut qmp).await? == node {
        return Ok(());
    }
    if !has_node(&mut qmp, &node).await? {
        qmp.execute("blockdev-add", disk_node(&node, &file, false))
            .await?;
    }
    let arguments = json!({ "node": overlay::node_name(kept), "overlay": node });
    qmp.execute("blockdev-snapshot", arguments).await?;
    Ok(())
}

/// The node that the machine's root device writes to.
async fn top_node(qmp: &mut Qmp) -> Result<String, ProviderError> {
    let blocks = qmp.execute("query-block", json!({})).await?;
    let path = format!("/machine/peripheral/{ROOT_DEVICE}");
    let is_root = |block: &&Value| {
        block
            .get("qdev")
            .and_then(Value::as_str)
            .is_some_and(|qdev| qdev == ROOT_DEVICE || qdev.starts_with(&path))
    };
    let root = blocks.as_array().into_iter().flatten().find(is_root);
    let node = root
        .and_then(|block| block.pointer("/inserted/node-name"))
        .and_then(Value::as_str);
    node.map(ToOwned::to_owned).ok_or_else(|| {
        ProviderError::person(
            "QEMU does not say what the machine writes to",
            "use a QEMU from 7.2 on",
        )
    })
}

async fn has_node(qmp: &mut Qmp, name: &str) -> Result<bool, ProviderError> {
    let nodes = qmp
        .execute("query-named-block-nodes", json!({ "flat": true }))
        .await?;
    let mut names = nodes
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|node| node.get("node-name")?.as_str());
    Ok(names.any(|known| known == name))
}

/// Makes the file survive a power cut, and makes it a disk.
async fn keep(
    host: &Host,
    machine: &MachineFile,
    kept: &DiskId,
    stage: &StageId,
) -> Result<(), ProviderError> {
    let file = host.layout.disk_file(kept, DiskFormat::Qcow2);
    let failed = {
        let file = file.clone();
        move |error| diagnose::io("keep", &file, error)
    };
    let sync = move || {
        fs::File::open(&file)?.sync_all()?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444))
    };
    durable::blocking(sync).await.map_err(failed)?;
    let below = machine
        .overlays
        .iter()
        .take_while(|overlay| *overlay != kept)
        .last();
    let record = DiskRecord {
        schema_version: DiskRecord::SCHEMA_VERSION,
        id: kept.clone(),
        parent: Some(below.unwrap_or(&machine.shape.disk).clone()),
        format: DiskFormat::Qcow2,
        virtual_size_bytes: machine.shape.disk_size_bytes,
        tags: BTreeMap::from([
            (Tags::BUILD.to_owned(), machine.tags.build.to_string()),
            (Tags::STAGE.to_owned(), stage.to_string()),
        ]),
        created: Timestamp::now(),
    };
    durable::write_record(host.layout.disk_record(kept), &record).await
}
