//! The harness of the end-to-end tests: starts the real binary, real clients, real machines.
//!
//! The tests themselves are in `tests/`.
