//! Ansible roles inside a pack.

use std::path::PathBuf;

use super::{Pack, PackFile};
use crate::Digest;
use crate::error::PackError;

/// A role folder of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The name in `ansibleRoles`.
    pub name: String,
    /// The folder, relative to the pack.
    pub dir: String,
    /// Its files, sorted, with paths relative to the role.
    pub files: Vec<PackFile>,
}

impl Role {
    /// The folder on disk.
    pub fn path(&self, pack: &Pack) -> PathBuf {
        pack.root.join(&self.dir)
    }

    /// A digest of the role's files; see [`crate::content_digest`].
    pub fn content_digest(&self) -> Digest {
        super::content::digest(&self.files)
    }

    /// Whether there is something to run.
    pub fn has_tasks(&self) -> bool {
        let names = ["tasks/main.yml", "tasks/main.yaml", "tasks/main"];
        self.files
            .iter()
            .any(|file| names.contains(&file.path.as_str()))
    }
}

/// Older documentation puts role folders at the top of the pack, the overview
/// table below `ansible-roles`; both are looked at, in this order.
pub(super) fn find(pack: &Pack, name: &str) -> Result<Role, PackError> {
    let plain = !name.is_empty() && !name.contains(['/', '\\']) && name != "." && name != "..";
    let dirs = [name.to_owned(), format!("ansible-roles/{name}")];
    let role = dirs.into_iter().filter(|_| plain).find_map(|dir| {
        let files = below(pack, &dir);
        (!files.is_empty()).then(|| Role {
            name: name.to_owned(),
            dir,
            files,
        })
    });
    role.ok_or_else(|| {
        PackError::missing(
            &format!("the role {name:?} of pack {}", pack.folder_name()),
            pack.root.join(name).display(),
            "add the folder with tasks/main.yml, or take the name out of ansibleRoles in pack.json",
        )
    })
}

fn below(pack: &Pack, dir: &str) -> Vec<PackFile> {
    let inside = |file: &PackFile| Some(file.path.strip_prefix(dir)?.strip_prefix('/')?.to_owned());
    let files = pack.files.iter();
    files
        .filter_map(|file| {
            Some(PackFile {
                path: inside(file)?,
                ..file.clone()
            })
        })
        .collect()
}
