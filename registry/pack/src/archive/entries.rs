//! Goes through an archive once, in bounds, and hands out its files.

use std::io::{self, Read};

use tar::{Archive, EntryType};

use super::bounded::{Bounded, explain};
use super::headers::{Extension, truncated};
use super::paths::{Seen, parts};
use crate::Limits;
use crate::error::PackError;
use crate::pack::{Collected, Collector, is_version_control};

/// What happens to each file and folder on the way.
pub(super) trait Visitor {
    /// A folder inside the pack.
    fn folder(&mut self, path: &str) -> Result<(), PackError>;
    /// A file inside the pack; what is returned receives its bytes.
    fn file(&mut self, path: &str, executable: bool) -> Result<Box<dyn io::Write>, PackError>;
}

/// Reads the whole archive; returns the name of its top folder and what was
/// collected.
pub(super) fn read<R: Read>(
    gz: R,
    limits: &Limits,
    visitor: &mut dyn Visitor,
) -> Result<(String, Collected), PackError> {
    let mut tar = Archive::new(Bounded::new(gz, limits));
    let mut walk = Walk {
        limits,
        visitor,
        collector: Collector::new(limits),
        seen: Seen::new(limits),
        top: None,
        headers: 0,
    };
    let mut extension = Extension::default();
    // Raw: long names are read here, in bounds.
    for entry in tar.entries().map_err(explain)?.raw(true) {
        let mut entry = entry.map_err(explain)?;
        walk.count_header()?;
        if !extension.absorb(&mut entry, limits)? {
            let path = extension.path_of(&entry);
            walk.entry(&path, &mut entry)?;
        }
    }
    // To the end, so that the checksum is compared and a cut-off tail noticed.
    io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(explain)?;
    let Some(top) = walk.top else {
        return Err(PackError::Archive {
            why: "it is empty".to_owned(),
            remedy: "archive the folder that holds pack.json".to_owned(),
            source: None,
        });
    };
    Ok((top, walk.collector.finish()))
}

struct Walk<'a> {
    limits: &'a Limits,
    visitor: &'a mut dyn Visitor,
    collector: Collector<'a>,
    seen: Seen,
    top: Option<String>,
    headers: u64,
}

impl Walk<'_> {
    /// Every entry may have two more that extend it.
    fn count_header(&mut self) -> Result<(), PackError> {
        self.headers += 1;
        if self.headers > self.limits.entries.saturating_mul(3) {
            return Err(PackError::too_large(
                "the number of entries in the archive",
                self.limits.entries,
            ));
        }
        Ok(())
    }

    fn entry<R: Read>(
        &mut self,
        path: &[u8],
        entry: &mut tar::Entry<'_, R>,
    ) -> Result<(), PackError> {
        let parts = parts(path)?;
        let kind = entry.header().entry_type();
        let is_folder = kind.is_dir();
        check_kind(kind, &parts)?;
        let Some((top, inside)) = parts.split_first() else {
            return Ok(()); // "./"
        };
        self.check_top(top, is_folder || !inside.is_empty())?;
        let path = inside.join("/");
        if path.is_empty() || inside.iter().any(|part| is_version_control(part)) {
            return Ok(());
        }
        self.collector.count_entry(&path)?;
        if is_folder {
            self.seen.folder(&path)?;
            return self.visitor.folder(&path);
        }
        self.seen.file(&path)?;
        self.file(&path, entry)
    }

    fn file<R: Read>(
        &mut self,
        path: &str,
        entry: &mut tar::Entry<'_, R>,
    ) -> Result<(), PackError> {
        let size_bytes = entry.header().size().map_err(explain)?;
        let executable = entry.header().mode().map_err(explain)? & 0o100 != 0;
        self.collector.check_size(path, size_bytes)?;
        let writer = self.visitor.file(path, executable)?;
        let mut tee = Tee {
            reader: entry,
            writer,
            failed: None,
        };
        let result = self.collector.file(path, executable, size_bytes, &mut tee);
        if let Some(source) = tee.failed {
            return Err(PackError::Io {
                action: "write",
                path: path.into(),
                source,
            });
        }
        match result {
            Err(PackError::Io { source, .. }) => Err(explain(source)),
            Err(other) => Err(other),
            Ok(read) if read == size_bytes => Ok(()),
            Ok(_) => Err(truncated()),
        }
    }

    fn check_top(&mut self, top: &str, is_folder: bool) -> Result<(), PackError> {
        let remedy = "put all files into one folder: tar -czf NAME-VERSION.tar.gz FOLDER";
        if !is_folder {
            return Err(PackError::refuse(
                top,
                "it is a file outside of the top folder",
                remedy,
            ));
        }
        match &self.top {
            Some(first) if first != top => {
                Err(PackError::refuse(top, "it is a second top folder", remedy))
            }
            Some(_) => Ok(()),
            None => {
                self.top = Some(top.to_owned());
                Ok(())
            }
        }
    }
}

fn check_kind(kind: EntryType, parts: &[&str]) -> Result<(), PackError> {
    let why = match kind {
        EntryType::Regular | EntryType::Continuous | EntryType::Directory => return Ok(()),
        EntryType::Symlink | EntryType::Link | EntryType::GNULongLink => "it is a link",
        EntryType::Char | EntryType::Block => "it is a device",
        EntryType::Fifo => "it is a named pipe",
        _ => "it is of a kind that packs do not have",
    };
    Err(PackError::refuse(
        &parts.join("/"),
        why,
        "make the archive again with files and folders only",
    ))
}

/// Writes what is read, and remembers which of the two failed.
struct Tee<'a, R> {
    reader: &'a mut R,
    writer: Box<dyn io::Write>,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if let Err(error) = self.writer.write_all(&buffer[..count]) {
            let kind = error.kind();
            self.failed = Some(error);
            return Err(kind.into());
        }
        Ok(count)
    }
}
