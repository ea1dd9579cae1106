//! Machines on this host: QEMU, driven over QMP.
//!
//! It may not know the engine or the registry.
