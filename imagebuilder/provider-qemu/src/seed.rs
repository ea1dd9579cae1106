//! Writes the NoCloud volume that tells a machine who it is.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use imagebuilder_provider::{ProviderError, Seed};

use crate::{diagnose, durable, program};

/// It holds a few kilobytes.
const LIMIT: Duration = Duration::from_secs(60);

/// Writes `seed` to `file`. The plain text, which has the machine's private key, lives
/// in a folder that only we can read, and only while this runs.
pub(crate) async fn write(xorriso: &Path, seed: &Seed, file: &Path) -> Result<(), ProviderError> {
    let (user_data, meta_data) = (seed.user_data(), seed.meta_data());
    let parent = file.parent().unwrap_or(Path::new(".")).to_owned();
    let failed = |error| diagnose::io("write the seed to", file, error);
    let folder = durable::blocking(move || {
        let folder = tempfile::Builder::new()
            .prefix(".seed-")
            .tempdir_in(parent)?;
        write_private(&folder.path().join("user-data"), &user_data)?;
        write_private(&folder.path().join("meta-data"), &meta_data)?;
        Ok(folder)
    });
    let folder = folder.await.map_err(failed)?;
    let mut arguments: Vec<&OsStr> = ["-as", "mkisofs", "-quiet", "-V", "cidata", "-J", "-r", "-o"]
        .map(OsStr::new)
        .to_vec();
    let unfinished = durable::Partial::new_in(file.parent().unwrap_or(Path::new(".")));
    arguments.extend([unfinished.path().as_os_str(), folder.path().as_os_str()]);
    program::run(xorriso, &arguments, "cannot write the seed volume", LIMIT).await?;
    let (partial, file_too) = (unfinished.path().to_owned(), file.to_owned());
    let finish = move || {
        fs::set_permissions(&partial, fs::Permissions::from_mode(0o600))?;
        fs::rename(&partial, &file_too)
    };
    durable::blocking(finish).await.map_err(failed)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}
