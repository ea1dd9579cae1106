//! Writes the zip: texts first, then the files of the build's folder, each masked on its way.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;
use zip::write::SimpleFileOptions;

use crate::resolve::Masker;

/// Of larger files only the end is taken: a role that prints a gigabyte must not fill the reader's disk.
pub(crate) const FILE_BYTES: u64 = 64 << 20;
/// More files are no logs.
pub(crate) const FILES: usize = 20_000;
const DEPTH: u32 = 6;
/// Keys, volumes, variables, the map of the image, and what only Ansible needs.
const PASSED_OVER: [&str; 10] = [
    "keys-build",
    "keys-verify",
    "media",
    "facts",
    "chunks",
    "env",
    "home",
    "tmp",
    "job_events",
    "inventory",
];

/// The zip, piece by piece. An error ends it.
pub type Pieces = mpsc::Receiver<io::Result<Bytes>>;
/// A file that is made for the zip.
pub(super) type Entry = (String, Value);

/// Writes the zip into the channel, or the error that ended it.
pub(super) fn write(
    sender: mpsc::Sender<io::Result<Bytes>>,
    texts: &[Entry],
    folder: &Path,
    masker: &Masker,
) {
    if let Err(error) = write_all(Sender(sender.clone()), texts, folder, masker) {
        // The reader may have gone away.
        drop(sender.blocking_send(Err(error)));
    }
}

struct Sender(mpsc::Sender<io::Result<Bytes>>);

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.0
            .blocking_send(Ok(Bytes::copy_from_slice(bytes)))
            .map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all(sender: Sender, texts: &[Entry], folder: &Path, masker: &Masker) -> io::Result<()> {
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let mut zip = zip::ZipWriter::new_stream(io::BufWriter::with_capacity(64 << 10, sender));
    for (name, value) in texts {
        zip.start_file(name.as_str(), options)?;
        let value = masker.json(value.clone());
        zip.write_all(format!("{value:#}\n").as_bytes())?;
    }
    for path in files(folder) {
        let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy();
        // A build that is at work may have removed it by now.
        let Ok(mut file) = open(&path) else { continue };
        zip.start_file(masker.mask(&name), options)?;
        masker.copy(&mut file, &mut zip)?;
    }
    zip.finish()?.into_inner().flush()
}

/// The file, from where its last part begins.
fn open(path: &Path) -> io::Result<io::Take<File>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(FILE_BYTES)))?;
    Ok(file.take(FILE_BYTES))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(folder, 0, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let name = entry.file_name();
        if kind.is_dir() && depth < DEPTH && !PASSED_OVER.iter().any(|one| name == *one) {
            collect(&entry.path(), depth + 1, found);
        } else if kind.is_file() && found.len() < FILES {
            found.push(entry.path());
        }
    }
}
