//! For tests: object stores on this machine, and a network that fails on demand.
//!
//! It knows none of our crates. A failure here is a failure of the test, so it panics.

mod proxy;
mod server;

pub use proxy::{Fault, Proxy};
pub use server::{ObjectServer, Place};
