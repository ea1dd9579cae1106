//! A whole world for tests: a registry in memory, packs, a scripted Ansible, a scripted guest, the fake cloud.
//!
//! Every part can be told to fail. Nothing here leaves the process but `ssh-keygen`.

#![cfg_attr(
    not(test),
    allow(
        dead_code,
        reason = "other crates see `Rehearsal` alone; this crate's tests use the rest"
    )
)]

mod ansible;
mod registry;
#[cfg(feature = "testing")]
mod rehearsal;
mod shell;
#[cfg(test)]
mod trouble;
mod world;

#[cfg(test)]
pub(crate) use ansible::How;
pub(crate) use ansible::ScriptedAnsible;
pub(crate) use registry::MemoryRegistry;
#[cfg(feature = "testing")]
pub use rehearsal::Rehearsal;
pub(crate) use shell::ScriptedShell;
#[cfg(test)]
pub(crate) use trouble::{Mishap, Trouble};
#[cfg(test)]
pub(crate) use world::KUBELET;
pub(crate) use world::World;
