//! The signature, the report and the policy, from outside.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod chain;
mod context;
mod diff;
mod golden;
mod kubebench;
mod policy;
mod property;
mod records;
mod secret;
