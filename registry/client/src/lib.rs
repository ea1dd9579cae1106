//! Pull and push over HTTP, for the command line and the image builder.
//!
//! It may not know the servers.
//!
//! The vocabulary (manifests, descriptors, error bodies) is the one of
//! `oci-distribution`. The requests are our own, because there uploads cannot be
//! resumed, answers have no bound, and the password is sent to whatever host a
//! server names as its token service.
//!
//! Where to read on: [`Client`] is one server; [`packs`], [`bundles`] and
//! [`artifacts`] are what is kept there; [`credentials`] is where passwords come
//! from; [`ClientError`] is split by remedy.

#![deny(missing_docs)]

pub mod artifacts;
mod auth;
pub mod bundles;
mod client;
pub mod copy;
pub mod credentials;
pub mod deprecations;
mod descriptor;
mod download;
mod error;
mod listing;
mod manifests;
mod options;
pub mod packs;
pub mod profiles;
mod progress;
mod ranges;
mod refusal;
mod retry;
mod upload;

pub use client::Client;
pub use credentials::Credential;
pub use descriptor::{Descriptor, Manifest};
pub use error::ClientError;
pub use manifests::RawManifest;
pub use options::ClientOptions;
pub use progress::{NoProgress, Progress, Transfer};
pub use upload::hash_file;
