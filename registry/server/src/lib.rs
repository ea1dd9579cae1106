//! The registry over HTTP: `/v2` (OCI) and `/api/v1` (packs, profiles).
//!
//! It may not know the image builder. Who the caller is, TLS, the listener and
//! the health of the process are not its business either: [`router`] is put
//! behind layers that see to them, and asks [`Access`] for each repository.
//!
//! Where to read on: `v2/mod.rs` is the table of endpoints, `index/` what a
//! pushed pack or profile becomes in the catalog, `api/` how the catalog is read.

mod access;
mod api;
mod collection;
mod fsck;
mod index;
mod limits;
mod metrics;
mod route;
mod router;
mod state;
mod v2;

pub use access::{Access, Action, AllowAll};
pub use api::openapi;
pub use limits::limits;
pub use route::route;
pub use router::router;
pub use state::{Admission, RegistryConfig, RegistryState};
