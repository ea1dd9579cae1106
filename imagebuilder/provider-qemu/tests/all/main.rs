//! Runs against real QEMU. What needs no guest that boots takes seconds.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper of a test fails by panicking, and tells how long things took"
)]

mod boot;
mod cancel;
mod contract;
mod crash;
mod disks;
mod guest;
mod host;
mod trouble;
