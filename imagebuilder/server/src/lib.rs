//! The image builder over HTTP, and the workers that run builds.
//!
//! It may not know the registry's server or store.
