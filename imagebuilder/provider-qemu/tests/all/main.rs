//! Runs against real QEMU. What needs no guest that boots takes seconds.

mod contract;
mod host;
