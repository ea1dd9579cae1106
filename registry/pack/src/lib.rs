//! What a pack, a profile and a reference is: parse, validate, archive, lint.
//!
//! This is the vocabulary that the registry, the image builder and the command
//! line share. It works on folders and readers that it is given; it knows no
//! network, no async runtime and no other crate of ours.
//!
//! Where to read on: [`PackManifest`] is `pack.json`, [`Pack`] a folder,
//! [`archive`] the file that travels, [`lint`] the complaints, [`Profile`] a
//! list of packs that make a cluster, [`components`] what a Kubernetes pack
//! installs. Every limit is in [`Limits`], every error in [`PackError`].

#![deny(missing_docs)]

pub mod archive;
mod chart;
pub mod components;
mod digest;
mod document;
mod error;

mod json_tree;
mod layer;
mod limits;
pub mod lint;
mod manifest;
pub mod media;
mod name;
mod pack;
mod places;
mod profile;
mod reference;
pub mod scaffold;
mod tag;
mod text;
pub mod values;
mod version;
mod yaml;

pub use digest::{Algorithm, Digest};
pub use error::{ErrorKind, PackError, ParseError, Place};
pub use layer::Layer;
pub use limits::Limits;
pub use manifest::{Constraints, Dependency, PackManifest, Resource, ResourceComponent};
pub use name::{PackName, RepositoryName};
pub use pack::{Chart, Logo, Pack, PackFile, Role, content_digest};
pub use profile::{
    Profile, ProfileKind, ProfileManifest, ProfileMetadata, ProfilePack, ProfileRegistry,
    ProfileTemplate, Variable, VariableOption,
};
pub use reference::Reference;
pub use tag::Tag;
pub use version::Version;
