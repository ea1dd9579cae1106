//! A whole world for tests: a registry in memory, packs, a scripted Ansible, a scripted guest, the fake cloud.
//!
//! Every part can be told to fail. Nothing here leaves the process but `ssh-keygen`.

mod ansible;
mod registry;
mod shell;
mod trouble;
mod world;

pub(crate) use ansible::ScriptedAnsible;
pub(crate) use registry::MemoryRegistry;
pub(crate) use shell::ScriptedShell;
pub(crate) use trouble::{Mishap, Trouble};
pub(crate) use world::{KUBELET, World};
