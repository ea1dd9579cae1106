//! Reads the files of a pack one after another, from a folder or an archive,
//! and keeps of each what the rest needs: its digest always, its text if it is
//! one of the known files, its name and version if it is a chart.

use std::collections::BTreeMap;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use super::{Chart, Logo, PackFile};
use crate::error::{PackError, Place};
use crate::{Digest, Limits, chart};

/// Files at the top of a pack whose text is kept.
const TEXTS: &[&str] = &[
    "pack.json",
    "values.yaml",
    "presets.yaml",
    "schema.yaml",
    "README.md",
    "components.yaml",
    "policy.yaml",
];
/// The first bytes of every PNG, RFC 2083 section 3.1.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What was read of a whole pack.
pub(crate) struct Collected {
    pub(crate) texts: BTreeMap<String, String>,
    pub(crate) logo: Logo,
    pub(crate) charts: BTreeMap<String, Chart>,
    pub(crate) files: Vec<PackFile>,
}

/// Collects a pack within the limits.
pub(crate) struct Collector<'a> {
    limits: &'a Limits,
    entries: u64,
    bytes: u64,
    chart_budget: u64,
    collected: Collected,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        let collected = Collected {
            texts: BTreeMap::new(),
            logo: Logo::Missing,
            charts: BTreeMap::new(),
            files: Vec::new(),
        };
        Self {
            limits,
            entries: 0,
            bytes: 0,
            chart_budget: chart::MAX_BYTES,
            collected,
        }
    }

    /// Counts one file or folder and checks its path.
    pub(crate) fn count_entry(&mut self, path: &str) -> Result<(), PackError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(PackError::too_large(
                "the number of files and folders",
                self.limits.entries,
            ));
        }
        if path.len() > self.limits.path_bytes {
            let limit = format!("{} bytes", self.limits.path_bytes);
            return Err(PackError::too_large(
                format!("the path {:?}…", prefix(path)),
                limit,
            ));
        }
        if path.split('/').count() > self.limits.depth {
            return Err(PackError::too_large(
                format!("the depth of {:?}…", prefix(path)),
                self.limits.depth,
            ));
        }
        Ok(())
    }

    /// Reads one file to its end and returns how many bytes there were. What
    /// it means if these are not `size_bytes` is for the caller to say.
    pub(crate) fn file(
        &mut self,
        path: &str,
        executable: bool,
        size_bytes: u64,
        reader: impl Read,
    ) -> Result<u64, PackError> {
        // One byte more than was promised shows that the file grows.
        let mut reader = Hashing {
            inner: reader.take(size_bytes.saturating_add(1)),
            hash: Sha256::new(),
            bytes: 0,
        };
        let failed = |source| PackError::Io {
            action: "read",
            path: path.into(),
            source,
        };
        if TEXTS.contains(&path) {
            self.text(path, size_bytes, &mut reader)?;
        } else if path == "logo.png" {
            self.collected.logo = logo(&mut reader).map_err(failed)?;
        } else if path.starts_with("charts/") && path.ends_with(".tgz") {
            let chart = chart::read(&mut reader, &mut self.chart_budget);
            self.collected.charts.insert(path.to_owned(), chart);
        }
        io::copy(&mut reader, &mut io::sink()).map_err(failed)?;
        let digest = Digest::from_sha256(reader.hash.finalize().into());
        self.collected.files.push(PackFile {
            path: path.to_owned(),
            executable,
            size_bytes,
            digest,
        });
        Ok(reader.bytes)
    }

    /// Counts the bytes of one file; to be called before it is read.
    pub(crate) fn check_size(&mut self, path: &str, size_bytes: u64) -> Result<(), PackError> {
        if size_bytes > self.limits.file_bytes {
            return Err(PackError::too_large(
                format!("the file {path}"),
                format!("{} bytes", self.limits.file_bytes),
            ));
        }
        self.bytes += size_bytes;
        if self.bytes > self.limits.unpacked_bytes {
            return Err(PackError::too_large(
                "the whole pack",
                format!("{} bytes", self.limits.unpacked_bytes),
            ));
        }
        Ok(())
    }

    fn text(&mut self, path: &str, size_bytes: u64, reader: impl Read) -> Result<(), PackError> {
        if size_bytes > self.limits.text_bytes {
            return Err(PackError::too_large(
                format!("the text {path}"),
                format!("{} bytes", self.limits.text_bytes),
            ));
        }
        let mut bytes = Vec::new();
        let mut reader = reader;
        let failed = |source| PackError::Io {
            action: "read",
            path: path.into(),
            source,
        };
        reader.read_to_end(&mut bytes).map_err(failed)?;
        let text = if path == "README.md" {
            String::from_utf8_lossy(&bytes).into_owned()
        } else {
            utf8(path, bytes)?
        };
        self.collected.texts.insert(path.to_owned(), text);
        Ok(())
    }

    /// What was collected, sorted.
    pub(crate) fn finish(mut self) -> Collected {
        self.collected.files.sort_by(|a, b| a.path.cmp(&b.path));
        self.collected
    }
}

fn prefix(path: &str) -> String {
    path.chars().take(60).collect()
}

fn utf8(path: &str, bytes: Vec<u8>) -> Result<String, PackError> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
        let number = |n| u32::try_from(n).unwrap_or(u32::MAX);
        PackError::Malformed {
            file: path.to_owned(),
            place: Some(Place {
                line: number(line),
                column: number(column),
            }),
            message: "there are bytes that are not UTF-8".to_owned(),
            remedy: "save the file as UTF-8".to_owned(),
        }
    })
}

fn logo(reader: &mut impl Read) -> io::Result<Logo> {
    let mut head = Vec::new();
    reader.take(PNG.len() as u64).read_to_end(&mut head)?;
    Ok(if head == PNG { Logo::Png } else { Logo::Other })
}

/// Hashes and counts what passes through.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}
