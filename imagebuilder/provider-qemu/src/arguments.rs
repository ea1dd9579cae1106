//! QEMU's command line.

use std::ffi::OsString;
use std::path::Path;

use imagebuilder_provider::{DiskFormat, Network};
use serde_json::{Value, json};

use crate::accelerator::Accelerator;
use crate::layout::{Layout, QMP_SOCKET, SEED, SERIAL_LOG};
use crate::machine_file::MachineFile;
use crate::{overlay, process};

/// The name that the root disk's device has for QMP.
pub(crate) const ROOT_DEVICE: &str = "root";

/// The whole command line of a machine. QEMU runs in the machine's folder, so
/// names within it are relative; disks are JSON, in which a path may hold anything.
pub(crate) fn command_line(
    layout: &Layout,
    machine: &MachineFile,
    accelerator: Accelerator,
) -> Vec<OsString> {
    let mut line = CommandLine(Vec::new());
    line.add("-name", process::name_argument(&machine.id));
    line.flag("-nodefaults").flag("-no-user-config");
    line.add("-display", "none")
        .add("-machine", "q35,vmport=off");
    line.add("-accel", accelerator.argument())
        .add("-cpu", accelerator.cpu());
    line.add("-smp", machine.shape.cpus.to_string());
    line.add(
        "-m",
        format!("{}K", machine.shape.memory_bytes.div_ceil(1024)),
    );
    line.add("-rtc", "base=utc");
    // QEMU reads what strangers' guests send; it needs no new programs and no new rights.
    line.add(
        "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    );
    line.add(
        "-chardev",
        format!("file,id=console,path={SERIAL_LOG},append=on"),
    );
    line.add("-serial", "chardev:console");
    line.add("-qmp", format!("unix:{QMP_SOCKET},server=on,wait=off"));
    line.add("-object", "rng-builtin,id=entropy")
        .add("-device", "virtio-rng-pci,rng=entropy");
    let restrict = match machine.shape.network {
        Network::Offline => "on",
        Network::Nat => "off",
    };
    let port = machine.ssh_port;
    line.add(
        "-netdev",
        format!("user,id=net,restrict={restrict},hostfwd=tcp:127.0.0.1:{port}-:22"),
    );
    line.add("-device", "virtio-net-pci,netdev=net,romfile=");
    if let Some(overlay) = machine.current_overlay() {
        let file = layout.disk_file(overlay, DiskFormat::Qcow2);
        let node = overlay::node_name(overlay);
        line.add("-blockdev", disk_node(&node, &file, true).to_string());
        line.add(
            "-device",
            format!("virtio-blk-pci,drive={node},id={ROOT_DEVICE},bootindex=1,discard=on"),
        );
    }
    line.volume("seed", Path::new(SEED));
    for (index, name) in machine.media.iter().enumerate() {
        line.volume(&format!("media{index}"), &layout.media().join(name));
    }
    line.0
}

/// A disk that is thrown away or captured before the host could lose power:
/// nothing waits for the platter. What the guest discards becomes free.
pub(crate) fn disk_node(node: &str, file: &Path, with_backing: bool) -> Value {
    let cache = json!({ "direct": false, "no-flush": true });
    let mut node = json!({
        "driver": "qcow2",
        "node-name": node,
        "discard": "unmap",
        "detect-zeroes": "unmap",
        "cache": cache,
        "file": {
            "driver": "file",
            "filename": file.to_string_lossy(),
            "discard": "unmap",
            "cache": cache,
        },
    });
    if !with_backing {
        // QEMU connects it to the disk below by itself when it becomes the top.
        node["backing"] = Value::Null;
    }
    node
}

struct CommandLine(Vec<OsString>);

impl CommandLine {
    fn flag(&mut self, name: &str) -> &mut Self {
        self.0.push(name.into());
        self
    }

    fn add(&mut self, name: &str, value: impl Into<OsString>) -> &mut Self {
        self.0.extend([name.into(), value.into()]);
        self
    }

    fn volume(&mut self, node: &str, file: &Path) {
        let block = json!({
            "driver": "raw",
            "node-name": node,
            "read-only": true,
            "file": { "driver": "file", "filename": file.to_string_lossy(), "read-only": true },
        });
        self.add("-blockdev", block.to_string());
        self.add("-device", format!("virtio-blk-pci,drive={node}"));
    }
}
