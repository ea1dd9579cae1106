//! Packs to test with: the public ones beside the tree where they are, and our own in `packs/`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use flate2::read::GzDecoder;

use crate::binary::workspace;

/// The archive of public packs beside the work tree, if it is there.
pub fn public_archive() -> Option<PathBuf> {
    let path = workspace()
        .parent()?
        .join("shared/fixtures/pack-central-sample.tar.gz");
    path.exists().then_some(path)
}

/// Unpacks [`public_archive`] and answers with the packs' folders, sorted.
pub fn unpack_public(archive: &Path, into: &Path) -> Result<Vec<PathBuf>> {
    tar::Archive::new(GzDecoder::new(std::fs::File::open(archive)?))
        .unpack(into)
        .context("unpack the public packs")?;
    let mut folders: Vec<PathBuf> = std::fs::read_dir(into.join("packs"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    folders.sort();
    Ok(folders)
}

/// Copies a folder, for a test that changes it.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Replaces `from` by `to` in a file; fails where `from` is not there, so that no test changes nothing.
pub fn edit(file: &Path, from: &str, to: &str) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    anyhow::ensure!(text.contains(from), "{from:?} is not in {}", file.display());
    std::fs::write(file, text.replacen(from, to, 1))?;
    Ok(())
}
