//! The image builder over HTTP, and the workers that run builds.
//!
//! It may not know the registry's server or store: it reaches packs and images
//! over HTTP like everybody else. Who the caller is, TLS and the listener are
//! not its business either: [`start`] gives a plain router that is put behind
//! layers that see to them.
//!
//! Where to read on: `router.rs` has every route, `start.rs` what is put together.

mod admin;
mod builds;
mod config;
mod events;
mod images;
mod lifecycle;
mod limits;
mod live;
mod openapi;
mod page;
mod problem;
mod router;
mod start;
#[cfg(test)]
mod tests;
mod webhooks;

pub use config::BuilderConfig;
pub use limits::limits;
pub use openapi::openapi;
pub use start::{Builder, StartError, start};
pub use webhooks::Webhooks;
