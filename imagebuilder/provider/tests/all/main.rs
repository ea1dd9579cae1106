//! The fake against the contract, and the fake's own promises to tests.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod fake;
