//! What a cloud has to be able to do: the trait, a fake of it, and the contract suite.
//!
//! No type of any cloud SDK appears here, and nothing here knows what a build is:
//! a provider starts machines, keeps disks, makes images, and finds again
//! whatever it ever made.
//!
//! Where to read on: [`Provider`] is the contract, [`ProviderError`] what can be
//! done about a failure, [`FakeProvider`] a cloud in a folder for tests, and
//! [`contract`] the suite that the fake and every real provider run.

#![deny(missing_docs)]

pub mod contract;
mod dead_man;
mod disk;
mod error;
mod fake;
mod id;
mod image;
mod machine;
mod network;
mod provider;
mod resource;
mod seed;
mod tags;

pub use dead_man::{DEADLINE_UNIT, switch_off_after};
pub use disk::{Disk, DiskFormat, DiskSource};
pub use error::{ProviderError, Remedy};
pub use fake::{Failures, FakeProvider, Launched, Method, When};
pub use id::{DiskId, ImageId, MachineId, ParseIdError};
pub use image::{CaptureSpec, CapturedImage, Progress};
pub use machine::{Ended, Machine, MachineSpec, MachineState, Media, MediaLabel};
pub use network::Network;
pub use provider::{Provider, ProviderFacts};
pub use resource::{Resource, ResourceKind};
pub use seed::{HostKey, Seed};
pub use tags::Tags;
