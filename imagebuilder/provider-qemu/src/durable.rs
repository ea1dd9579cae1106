//! Writes small records so that they are whole or not there, also after a power cut.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use imagebuilder_provider::ProviderError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::diagnose;
use crate::turns::Turn;

/// The largest record that is read back.
const MAX_RECORD_BYTES: u64 = 4 << 20;

/// Writes `value` as JSON to `path`: beside it first, synced, then renamed.
pub(crate) async fn write_record<T: Serialize>(
    path: PathBuf,
    value: &T,
) -> Result<(), ProviderError> {
    let bytes = serde_json::to_vec_pretty(value).expect("records have only text keys");
    let failed = {
        let path = path.clone();
        move |error| diagnose::io("write", &path, error)
    };
    blocking(move || write_file(&path, &bytes))
        .await
        .map_err(failed)
}

/// Reads a record back; `None` where there is none.
pub(crate) async fn read_record<T: DeserializeOwned + Send + 'static>(
    path: PathBuf,
) -> Result<Option<T>, ProviderError> {
    let shown = path.clone();
    let bytes = match blocking(move || read_bounded(&path)).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(diagnose::io("read", &shown, error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        ProviderError::person(
            format!(
                "{} is not a record that this program wrote",
                shown.display()
            ),
            "restore it from a backup, or delete the machine, disk or image that it belongs to",
        )
        .because(error)
    })
}

/// A file that is being written: no use unless it is finished, and then it has another name.
/// Its own name is new each time: a program that was told to die may still hold the last one.
pub(crate) struct Partial(PathBuf);

impl Partial {
    pub(crate) fn new_in(folder: &Path) -> Self {
        Self(folder.join(format!(".tmp-{}", Uuid::now_v7().simple())))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// Makes the entries of a folder survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Runs what blocks on a thread that may. It goes on to its end also where nobody waits for it
/// any more, and the turn of the call goes on as long.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let turn = Turn::present();
    let work = move || {
        let done = work();
        drop(turn);
        done
    };
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .ok_or_else(|| io::Error::other("a record is in a folder"))?;
    let mut file = tempfile::Builder::new()
        .prefix(".tmp-")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(folder)
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    if size > MAX_RECORD_BYTES {
        return Err(io::Error::other(format!(
            "it has {size} bytes, more than any record of ours"
        )));
    }
    fs::read(path)
}
