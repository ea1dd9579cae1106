//! One zip of everything that tells how a build went, written while it is read.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use zip::write::SimpleFileOptions;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::resolve::Masker;
use crate::views;

/// Larger files are cut: a role that prints a gigabyte must not fill the reader's disk.
const FILE_BYTES: u64 = 64 << 20;
const PIECES_IN_FLIGHT: usize = 8;
const EVENTS: u32 = 2000;

/// The zip, piece by piece. An error ends it.
pub type Pieces = mpsc::Receiver<io::Result<Bytes>>;

impl Engine {
    /// The logs of a build: events, journal, inputs, Ansible's output, console, reports.
    pub async fn logs(&self, id: &str) -> Result<Pieces, EngineError> {
        let row = self.row(id).await?;
        let view = self.build(id).await?;
        let events = views::events(&self.shop, id, 0, EVENTS).await?;
        let texts: Vec<(String, Value)> = vec![
            ("build.json".to_owned(), json!(view)),
            ("events.json".to_owned(), json!(events)),
            (
                "request.json".to_owned(),
                views::json("a request", &row.request)?,
            ),
            (
                "journal.json".to_owned(),
                json!(
                    self.shop
                        .journal
                        .steps(id)
                        .await?
                        .iter()
                        .map(journal_entry)
                        .collect::<Vec<_>>()
                ),
            ),
        ];
        let folder = self.shop.config.builds().join(id);
        // Masked by value, if the profile can still be resolved to say what is secret.
        let masker = match serde_json::from_str(&row.pins) {
            Ok(pins) => match serde_json::from_str(&row.request) {
                Ok(request) => self
                    .shop
                    .resolve(&request, &pins)
                    .await
                    .map(|resolved| resolved.masker)
                    .unwrap_or_default(),
                Err(_) => Masker::default(),
            },
            Err(_) => Masker::default(),
        };
        let (sender, receiver) = mpsc::channel(PIECES_IN_FLIGHT);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = write(Sender(sender.clone()), &texts, &folder, &masker) {
                // The reader may have gone away.
                drop(sender.blocking_send(Err(error)));
            }
        });
        Ok(receiver)
    }
}

fn journal_entry(step: &crate::journal::StepRow) -> Value {
    json!({
        "step": step.step, "part": step.part, "state": step.state, "attempts": step.attempts,
        "startedAt": step.started_at, "endedAt": step.ended_at, "output": step.output, "error": step.error,
    })
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

fn write(
    sender: Sender,
    texts: &[(String, Value)],
    folder: &Path,
    masker: &Masker,
) -> io::Result<()> {
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let mut zip = zip::ZipWriter::new_stream(io::BufWriter::with_capacity(64 << 10, sender));
    for (name, value) in texts {
        zip.start_file(name.as_str(), options)?;
        zip.write_all(masker.mask(&format!("{value:#}\n")).as_bytes())?;
    }
    for path in files(folder) {
        let name = path
            .strip_prefix(folder)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        let Ok(text) = read(&path) else { continue };
        zip.start_file(name, options)?;
        zip.write_all(masker.mask(&text).as_bytes())?;
    }
    zip.finish()?.into_inner().flush()
}

/// Reports, consoles, and what Ansible said; no key, no variable, no volume.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(folder, 0, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    const PASSED_OVER: [&str; 9] = [
        "keys-build",
        "keys-verify",
        "media",
        "facts",
        "env",
        "home",
        "tmp",
        "job_events",
        "inventory",
    ];
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let name = entry.file_name();
        if kind.is_dir() && depth < 6 && !PASSED_OVER.iter().any(|one| name == *one) {
            collect(&entry.path(), depth + 1, found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    io::Read::read_to_end(&mut io::Read::take(file, FILE_BYTES), &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
