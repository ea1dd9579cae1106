//! The fake against the contract, and the fake's own promises to tests.

mod fake;
