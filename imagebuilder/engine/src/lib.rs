//! Makes a build happen: queue, lease, journal, the table of steps, undo, reaper, Ansible.
//!
//! It knows no HTTP server and no cloud by name. It reaches the outside through
//! four small traits: the provider of machines, the registry, the Ansible
//! runner, and nothing else.
//!
//! Where to read on: `steps.rs` is the product on one page; `run_build/` goes
//! through it; `journal` is what survives; `resolve` turns a profile into exact
//! inputs; `reaper.rs` finds what was left behind.

mod ansible;
mod backoff;
mod build;
mod cache_report;
mod config;
mod deliveries;
mod engine;
mod error;
mod failure;
mod fair;
mod guest_logs;
mod halt;
mod host;
mod housekeeping;
mod http_registry;
mod images;
mod journal;
mod lifecycle;
mod limits;
mod logs;
mod machine;
mod media;
mod metrics;
mod playbook;
mod process;
mod provenance;
mod quotas;
mod reach;
mod reaper;
mod registry;
mod resolve;
mod run_build;
mod sbom;
mod sealing;
mod size;
mod spans;
mod ssh;
mod stages;
mod steer;
mod steps;
mod task_log;
#[cfg(any(test, feature = "testing"))]
mod testing;
#[cfg(test)]
mod tests;
mod transient;
mod turns;
mod unwanted;
mod views;
mod worker;
mod workshop;

pub use ansible::{
    AnsibleError, AnsibleRunner, Connection, OnProgress, Playbook, PlaybookRun, Progress, Recap,
    TaskEnd, VenvRunner,
};
pub use backoff::RetryPolicy;
pub use config::{EngineConfig, Hidden, KeepLogs};
pub use database::{Database, DatabaseUrl, PostgresConfig};
pub use deliveries::Delivery;
pub use engine::Engine;
pub use error::EngineError;
pub use http_registry::HttpRegistry;
pub use limits::{Bound, bounds};
pub use logs::Pieces;
pub use quotas::{Limits, ParseLimitError, ProjectQuota, Quota, SlotRule};
pub use reach::{ParseReachError, ReachRule};
pub use registry::{
    Artifact, Content, Descriptor, Layer, Manifest, Names, Registry, RegistryError,
};
pub use size::{MachineSize, ParseSizeError};
#[cfg(feature = "testing")]
pub use testing::Rehearsal;
