//! The policy of a Kubernetes pack: when is an image good enough?
//!
//! It is the file `policy.yaml` of the pack. It names the benchmark and the
//! targets that must have been run, how strict to be, and the checks that are
//! let off: waivers with a reason and an end date, and checks that cannot apply
//! to a machine that has joined no cluster. [`evaluate`] judges a report by it.

mod evaluate;
mod file;

pub use evaluate::{FailedCheck, LetOffCheck, Verdict, evaluate};
pub use file::{Level, NotApplicable, Policy, PolicyError, Verify, Waiver};
