//! Which ansible-core a virtual environment holds, by the name of its metadata's folder.

use std::fs::{DirEntry, read_dir};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const PREFIX: &str = "ansible_core-";
const SUFFIX: &str = ".dist-info";

/// The version, asked for by every request for an image.
#[derive(Debug, Default)]
pub(super) struct CoreVersion(Mutex<Option<Installed>>);

#[derive(Debug, Clone)]
struct Installed {
    metadata: PathBuf,
    version: String,
}

impl CoreVersion {
    /// The version as it is now. Another one brings another folder and takes this one away, so
    /// while it is there nothing has to be searched.
    pub(super) fn of(&self, venv: &Path) -> Option<String> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.as_ref().is_some_and(|known| known.metadata.exists()) {
            *known = find(venv);
        }
        known.as_ref().map(|known| known.version.clone())
    }
}

fn find(venv: &Path) -> Option<Installed> {
    let pythons = read_dir(venv.join("lib")).ok()?.flatten();
    let packages = pythons.filter_map(|python| read_dir(python.path().join("site-packages")).ok());
    packages
        .flat_map(|entries| entries.flatten())
        .find_map(|entry| installed(&entry))
}

fn installed(entry: &DirEntry) -> Option<Installed> {
    let name = entry.file_name().into_string().ok()?;
    let version = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    Some(Installed {
        metadata: entry.path(),
        version: version.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_metadata_also_after_an_upgrade() {
        let venv = tempfile::tempdir().unwrap();
        let packages = venv.path().join("lib/python3.13/site-packages");
        let folder = |version: &str| packages.join(format!("{PREFIX}{version}{SUFFIX}"));
        let version = CoreVersion::default();
        assert_eq!(version.of(venv.path()), None);
        std::fs::create_dir_all(folder("2.19.1")).unwrap();
        assert_eq!(version.of(venv.path()).as_deref(), Some("2.19.1"));
        std::fs::rename(folder("2.19.1"), folder("2.20.0")).unwrap();
        assert_eq!(version.of(venv.path()).as_deref(), Some("2.20.0"));
        std::fs::remove_dir(folder("2.20.0")).unwrap();
        assert_eq!(version.of(venv.path()), None);
    }
}
