//! Turns folders into read-only volumes, and keeps them for the next machine.
//!
//! A volume is named by what is in its folder, so several hundred megabytes of
//! components are written once and neither written nor read for every machine.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use imagebuilder_provider::{Media, ProviderError};
use sha2::{Digest as _, Sha256};

use crate::layout::Layout;
use crate::{diagnose, durable, program};

/// Writing a volume of some gigabytes to a slow disk.
const WRITE_LIMIT: Duration = Duration::from_secs(1800);
/// More entries than any bundle has; a mistaken `/` ends here.
const MAX_ENTRIES: usize = 100_000;
/// Below this, files are told by their bytes.
const LARGE_BYTES: u64 = 1 << 20;
/// A volume that no machine has used for so long goes.
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);

/// Makes the volume of `media`, or finds it; gives its file name in `media/`.
pub(crate) async fn volume(
    xorriso: &Path,
    layout: &Layout,
    media: &Media,
) -> Result<String, ProviderError> {
    let (dir, label) = (media.dir.clone(), media.label.to_string());
    let failed = |error: io::Error| {
        if error.kind() == io::ErrorKind::InvalidInput {
            let what = format!(
                "the folder {} of volume {} cannot be used",
                media.dir.display(),
                media.label
            );
            return ProviderError::never(what, "put only folders and plain files into it")
                .because(error);
        }
        diagnose::io("read", &media.dir, error)
    };
    let name = durable::blocking(move || digest_folder(&dir, &label))
        .await
        .map_err(failed)?;
    let name = format!("{name}.iso");
    let file = layout.media().join(&name);
    if touch(&file) {
        return Ok(name);
    }
    let write = async {
        let partial = tempfile::Builder::new()
            .prefix(".tmp-")
            .tempfile_in(layout.media())
            .map(tempfile::NamedTempFile::into_temp_path);
        let partial = partial.map_err(|error| diagnose::io("write", &file, error))?;
        let mut arguments: Vec<&OsStr> = [
            "-as",
            "mkisofs",
            "-quiet",
            "-r",
            "-V",
            media.label.as_str(),
            "-o",
        ]
        .map(OsStr::new)
        .to_vec();
        arguments.extend([partial.as_os_str(), media.dir.as_os_str()]);
        let what = format!(
            "cannot write volume {} of {}",
            media.label,
            media.dir.display()
        );
        program::run(xorriso, &arguments, &what, WRITE_LIMIT).await?;
        partial
            .persist(&file)
            .map_err(|error| diagnose::io("write", &file, error.error))
    };
    write.await?;
    Ok(name)
}

/// Removes the volumes that neither a machine nor the last week needed.
pub(crate) fn prune(layout: &Layout, in_use: &[String]) -> io::Result<()> {
    let now = SystemTime::now();
    for entry in fs::read_dir(layout.media())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let age = now
            .duration_since(entry.metadata()?.modified()?)
            .unwrap_or_default();
        if age > KEEP && !in_use.contains(&name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whether the file is there; if so, it counts as used now.
fn touch(file: &Path) -> bool {
    let touched = File::options()
        .append(true)
        .open(file)
        .and_then(|file| file.set_modified(SystemTime::now()));
    touched.is_ok()
}

/// A hash over label, paths, modes and bytes; a large file is told by which file it is and when it
/// was written, since the cache is of this host and its bytes need not be read for each machine.
fn digest_folder(dir: &Path, label: &str) -> io::Result<String> {
    let mut files = Vec::new();
    list(dir, dir, &mut files)?;
    files.sort();
    let mut hash = Sha256::new();
    field(&mut hash, label.as_bytes());
    for relative in files {
        let mut file = File::open(dir.join(&relative))?;
        let metadata = file.metadata()?;
        field(&mut hash, relative.as_os_str().as_encoded_bytes());
        let executable = metadata.mode() & 0o111 != 0;
        hash.update([u8::from(metadata.is_dir()), u8::from(executable)]);
        if metadata.is_file() {
            hash.update(metadata.len().to_be_bytes());
            if metadata.len() < LARGE_BYTES {
                copy(&mut file, &mut hash)?;
            } else {
                hash.update(metadata.dev().to_be_bytes());
                hash.update(metadata.ino().to_be_bytes());
                hash.update(metadata.mtime().to_be_bytes());
                hash.update(metadata.mtime_nsec().to_be_bytes());
            }
        }
    }
    Ok(hex::encode(hash.finalize()))
}

fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

fn copy(file: &mut File, hash: &mut Sha256) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            read => hash.update(&buffer[..read]),
        }
    }
}

fn list(root: &Path, dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = entry.path();
        let relative = path
            .strip_prefix(root)
            .map_err(io::Error::other)?
            .to_owned();
        let refuse = |why: &str| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{}: {why}", path.display()),
            )
        };
        if files.len() >= MAX_ENTRIES {
            return Err(refuse("there are too many files"));
        }
        if !kind.is_dir() && !kind.is_file() {
            return Err(refuse("it is neither a folder nor a plain file"));
        }
        files.push(relative);
        if kind.is_dir() {
            list(root, &path, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_known_by_which_it_is() {
        let [one, two, other] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let file = |folder: &tempfile::TempDir| folder.path().join("kubelet");
        fs::write(file(&one), vec![1; 1 << 20]).unwrap();
        fs::hard_link(file(&one), file(&two)).unwrap();
        fs::copy(file(&one), file(&other)).unwrap();
        let digest = |folder: &tempfile::TempDir| digest_folder(folder.path(), "PACKYARD").unwrap();
        assert_eq!(digest(&one), digest(&two));
        assert_ne!(digest(&one), digest(&other));
        let before = digest(&one);
        fs::remove_file(file(&one)).unwrap();
        fs::write(file(&one), vec![2; 1 << 20]).unwrap();
        assert_ne!(digest(&one), before);
    }

    #[test]
    fn the_same_content_is_the_same_volume_and_a_link_is_refused() {
        let one = tempfile::tempdir().unwrap();
        let two = tempfile::tempdir().unwrap();
        for folder in [one.path(), two.path()] {
            fs::create_dir(folder.join("components")).unwrap();
            fs::write(folder.join("components/kubelet"), b"bytes").unwrap();
        }
        let digest = digest_folder(one.path(), "PACKYARD").unwrap();
        assert_eq!(digest, digest_folder(two.path(), "PACKYARD").unwrap());
        assert_ne!(digest, digest_folder(one.path(), "OTHER").unwrap());
        fs::write(two.path().join("components/kubelet"), b"other").unwrap();
        assert_ne!(digest, digest_folder(two.path(), "PACKYARD").unwrap());
        std::os::unix::fs::symlink("/etc/passwd", one.path().join("link")).unwrap();
        let error = digest_folder(one.path(), "PACKYARD").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
