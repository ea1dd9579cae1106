//! Machines on this host: QEMU, driven over QMP.
//!
//! It may not know the engine or the registry. All state is files below one
//! folder, so that a second process that opens the folder finds every machine,
//! disk and image that the first one made:
//!
//! ```text
//! machines/<id>/machine.json   intent, written before anything else; process, written after
//!               qmp.sock  serial.log  serial.old  qemu.log  seed.iso
//! disks/<id>.qcow2             a base image, a stage, or what a machine writes to
//!       <id>.json              only for those that are kept: written once the file is whole
//! images/<id>.qcow2, <id>.json captured images, likewise
//! media/<digest>.iso           volumes made of folders; a cache
//! ```
//!
//! A machine writes to an overlay in `disks/`. A checkpoint puts a new overlay on
//! top and writes the `.json` of the old one: no byte is copied, nothing is renamed,
//! and whatever has no `.json` and no machine is garbage.

#![deny(missing_docs)]

mod accelerator;
mod arguments;
mod capture;
mod checkpoint;
mod config;
mod console;
mod destroy;
mod diagnose;
mod disks;
mod durable;
mod keeper;
mod launch;
mod layout;
mod machine_file;
mod media;
mod overlay;
mod process;
mod program;
mod provider;
mod qemu_img;
mod qmp;
mod resources;
mod seed;
mod shutdown;
mod start;
mod turns;

pub use accelerator::Accelerator;
pub use config::QemuConfig;
pub use provider::QemuProvider;
