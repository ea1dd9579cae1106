//! Looks into an archive without unpacking it: what the registry does with
//! every pack that is pushed. Writes nothing; memory is bounded by
//! [`Limits::text_bytes`] and [`Limits::entries`].

use std::io::{self, Read};
use std::path::PathBuf;

use super::entries::{self, Visitor};
use crate::error::PackError;
use crate::lint::{self, Finding};
use crate::{Digest, Limits, Logo, Pack, PackFile, PackManifest};

/// What an archive has in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// The name of the top folder; says nothing about identity.
    pub top_folder: String,
    /// `pack.json`.
    pub manifest: PackManifest,
    /// `values.yaml`, verbatim.
    pub values: Option<String>,
    /// `presets.yaml`, verbatim.
    pub presets: Option<String>,
    /// `schema.yaml`, verbatim.
    pub schema: Option<String>,
    /// `README.md`.
    pub readme: Option<String>,
    /// Whether there is a `logo.png`, of whatever format.
    pub has_logo: bool,
    /// All files, sorted.
    pub files: Vec<PackFile>,
    /// See [`Pack::content_digest`].
    pub content_digest: Digest,
    /// What [`lint::lint`] says.
    pub findings: Vec<Finding>,
}

/// Reads the archive of a pack.
///
/// # Errors
/// As [`super::unpack`]; a `pack.json` that cannot be used is an error, too.
pub fn inspect<R: Read>(gz: R, limits: &Limits) -> Result<Inspection, PackError> {
    let (top_folder, collected) = entries::read(gz, limits, &mut Nothing)?;
    let pack = Pack::of(top_folder.clone(), PathBuf::new(), collected)?;
    Ok(Inspection {
        top_folder,
        findings: lint::lint(&pack),
        content_digest: pack.content_digest(),
        has_logo: pack.logo != Logo::Missing,
        manifest: pack.manifest,
        values: pack.values,
        presets: pack.presets,
        schema: pack.schema,
        readme: pack.readme,
        files: pack.files,
    })
}

struct Nothing;

impl Visitor for Nothing {
    fn folder(&mut self, _: &str) -> Result<(), PackError> {
        Ok(())
    }

    fn file(&mut self, _: &str, _: bool) -> Result<Box<dyn io::Write>, PackError> {
        Ok(Box::new(io::sink()))
    }
}
