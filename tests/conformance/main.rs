//! The distribution specification, read by us and tried over HTTP on the real program.
//!
//! Each rule that implementations get wrong is a test with its number; each test runs on
//! every backend of `backend.rs`. The official suites are run beside these, by the
//! pipeline: see `docs/guides/check-conformance.md`.

mod backend;
mod blobs;
mod crowd;
mod deletes;
mod limits;
mod lists;
mod malformed;
mod manifests;
mod referrers;
mod support;
mod uploads;
mod words;
