//! When are two images the same? When they are made of the same things: the signature.
//!
//! An image is a chain of stages. Each stage's id is the SHA-256 of the RFC 8785
//! canonical JSON of its inputs and of the id before it, so that the deepest stage
//! that somebody already captured is where a build can start. The last id is the
//! [`Signature`] of the image.
//!
//! ```text
//! base -> harden -> kubernetes -> roles (one per pack that has any) -> seal
//!           |            |
//!           `- or the explicit marker "skipped"
//! ```
//!
//! What must not move the signature cannot: region, account, machine size,
//! credentials, timestamps, image names, log levels and paths of the host have
//! no field here. What is absent is written as `null` and so differs from what is
//! empty. A secret can enter only as a keyed hash, see [`SecretKey`].
//!
//! The freshness epoch stands in the stages that it makes stale, not once at the
//! end: else a new epoch would give a new signature and yet start from stages
//! that were captured in the old one.

mod canonical;
mod chain;
mod changes;
mod diff;
mod explain;
mod ids;
mod inputs;
mod record;
mod secret;
mod sentence;
mod variable;

pub use chain::{Chain, ChainError, Link};
pub use changes::{StageChange, changes};
pub use diff::{Difference, diff};
pub use explain::{explain, explain_text};
pub use ids::{Signature, StageId};
pub use inputs::{
    BaseImage, BaseInputs, ComponentIdentity, ComponentInputs, FileInputs, HardenInputs,
    KubernetesInputs, PackInputs, PartInputs, RoleInputs, RolesInputs, SealInputs, SkippedInputs,
    SkippedStage, StageInputs,
};
pub use record::{StageRecord, StageRecordError};
pub use secret::{Secret, SecretDigest, SecretKey};
pub use variable::{Variable, Variables};

/// The form of the inputs. A new one gives every image a new signature, so it
/// changes only when the old form could mistake two images for one.
pub const SCHEMA_VERSION: u32 = 1;
