//! A pack as a folder: what is in it, and where.

mod collect;
mod content;
mod open;
mod role;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(crate) use collect::{Collected, Collector};
pub use role::Role;

use crate::error::PackError;
use crate::{Digest, Limits, PackManifest};

/// Names of version control systems: not content, and different everywhere.
/// A file `.git` is a worktree's pointer to its repository.
pub(crate) fn is_version_control(name: &str) -> bool {
    matches!(name, ".git" | ".hg" | ".svn")
}

/// One file of a pack or role.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackFile {
    /// Relative to the pack (or role), with `/` between the parts.
    pub path: String,
    /// Whether the owner may execute it; nothing else of the mode counts.
    pub executable: bool,
    /// Its length.
    pub size_bytes: u64,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

/// What the first bytes of `logo.png` say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logo {
    /// There is no such file.
    Missing,
    /// It is a PNG.
    Png,
    /// It is something else, whatever its name says.
    Other,
}

/// What a chart archive says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chart {
    /// From its `Chart.yaml`.
    Read {
        /// The name, under which its values are looked up.
        name: String,
        /// The version of the chart.
        version: String,
    },
    /// It could not be read, and why.
    Unreadable(String),
}

/// A pack that was opened: its manifest, its texts, and a list of its files.
/// The bytes of the other files stay on disk.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pack {
    /// The folder; empty for a pack that is not on disk.
    pub root: PathBuf,
    /// The folder's own name, which says nothing about identity.
    pub folder: String,
    /// `pack.json`.
    pub manifest: PackManifest,
    /// `values.yaml`, verbatim; an empty file is `Some("")`.
    pub values: Option<String>,
    /// `presets.yaml`, verbatim.
    pub presets: Option<String>,
    /// `schema.yaml`, verbatim.
    pub schema: Option<String>,
    /// `README.md`; bytes that are no UTF-8 are replaced.
    pub readme: Option<String>,
    /// `components.yaml`, verbatim; see [`crate::components`].
    pub components: Option<String>,
    /// `policy.yaml`, verbatim; which checks an image has to pass.
    pub policy: Option<String>,
    /// What `logo.png` is.
    pub logo: Logo,
    /// Chart archives below `charts/`, by path.
    pub charts: BTreeMap<String, Chart>,
    /// All files, sorted by the bytes of their paths.
    pub files: Vec<PackFile>,
}

impl Pack {
    /// Opens the pack in `dir`: reads and hashes every file once.
    ///
    /// Version control folders (`.git`, `.hg`, `.svn`) are passed over. Links
    /// and special files are refused, because what they stand for differs from
    /// machine to machine.
    ///
    /// # Errors
    /// Every [`PackError`]; see there for what each asks of the caller.
    pub fn open(dir: &Path, limits: &Limits) -> Result<Self, PackError> {
        open::open(dir, limits)
    }

    /// The role `name`, from `<name>/` or else `ansible-roles/<name>/`.
    ///
    /// # Errors
    /// [`PackError::Missing`] if there is neither.
    pub fn role(&self, name: &str) -> Result<Role, PackError> {
        role::find(self, name)
    }

    /// The roles that the manifest names, in its order.
    ///
    /// # Errors
    /// [`PackError::Missing`] for the first that is not there.
    pub fn roles(&self) -> Result<Vec<Role>, PackError> {
        self.manifest
            .ansible_roles
            .iter()
            .map(|name| self.role(name))
            .collect()
    }

    /// A digest of paths, modes and bytes of all files, independent of how
    /// they are archived. The format is in [`content_digest`].
    pub fn content_digest(&self) -> Digest {
        content::digest(&self.files)
    }

    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&PackFile> {
        let found = self
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path));
        found.ok().and_then(|index| self.files.get(index))
    }

    /// `<name>-<version>`: the top folder of its archive.
    pub fn folder_name(&self) -> String {
        format!("{}-{}", self.manifest.name, self.manifest.version)
    }

    /// Makes a pack of what was collected.
    pub(crate) fn of(
        folder: String,
        root: PathBuf,
        collected: Collected,
    ) -> Result<Self, PackError> {
        let Collected {
            mut texts,
            logo,
            charts,
            files,
        } = collected;
        let text = texts.remove(crate::manifest::FILE).ok_or_else(|| {
            // In an archive there is no root, and the folder is the top folder.
            let folder = if root.as_os_str().is_empty() {
                Path::new(&folder)
            } else {
                &root
            };
            let path = folder.join(crate::manifest::FILE);
            PackError::missing(
                "the file pack.json",
                path.display(),
                "name the folder that holds pack.json",
            )
        })?;
        Ok(Self {
            root,
            folder,
            manifest: PackManifest::parse(&text, crate::manifest::FILE)?,
            values: texts.remove("values.yaml"),
            presets: texts.remove("presets.yaml"),
            schema: texts.remove("schema.yaml"),
            readme: texts.remove("README.md"),
            components: texts.remove("components.yaml"),
            policy: texts.remove("policy.yaml"),
            logo,
            charts,
            files,
        })
    }
}

pub use content::digest as content_digest;
