//! The words of the image builder: requests, records, conditions, events, the signature.
//!
//! Servers and the command line share these types, so that both ends of the
//! API read the same JSON. Here is no I/O, no async runtime and no HTTP; what
//! a machine or a cloud is, `imagebuilder-provider` says.
//!
//! Where to read on: [`EnsureImage`] is what people ask for, [`BuildView`] what
//! they watch, [`ImageRecord`] what they get. [`signature`] says when two images
//! are the same, [`kubebench`] and [`policy`] when one is good enough.

#![deny(missing_docs)]

mod build;
mod cache;
mod condition;
mod event;
mod id;
mod image;
pub mod kubebench;
mod lifecycle;
pub mod policy;
mod request;
pub mod signature;
mod step;
pub mod timeline;
mod worker;

pub use build::{BuildState, BuildView, QueueView, StageView, StepState, StepView};
pub use cache::{CacheReport, StageCache};
pub use condition::{Condition, ConditionStatus};
pub use event::{Event, EventPage, EventType};
pub use id::{BuildId, ParseIdError};
pub use image::{Artifact, CheckSummary, ImageKind, ImageRecord, ImageState, Location};
pub use lifecycle::{
    CollectImages, CollectedImage, CollectedImages, Dependants, Hold, Revocation, RevokeImage,
    SharedStage,
};
pub use request::{EnsureImage, EnsureImageAnswer};
pub use signature::{Chain, Signature, StageId, StageInputs};
pub use step::StepName;
pub use worker::{Drain, LeftAlone, ReaperReport, WorkerView};
