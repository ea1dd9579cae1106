//! Looks at the bytes of a disk as a thief would: below the file system, where removed files remain
//! until their blocks are given back.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use memchr::memmem::Finder;
use rustix::fs::SeekFrom;

const PIECE_BYTES: usize = 8 << 20;

/// How often each text stands on the disk of an image, wherever it is.
pub fn count(image: &Path, texts: &[&[u8]]) -> Result<Vec<usize>> {
    let raw = image.with_extension("raw");
    let converted = Command::new("qemu-img")
        .args(["convert", "-O", "raw"])
        .args([image, &raw])
        .status()
        .context("run qemu-img")?;
    ensure!(
        converted.success(),
        "qemu-img convert ended with {converted}"
    );
    let counted = count_raw(&raw, texts);
    std::fs::remove_file(&raw)?;
    counted
}

/// Holes of the file are passed over: a disk of gigabytes has little in it.
fn count_raw(raw: &Path, texts: &[&[u8]]) -> Result<Vec<usize>> {
    let mut file = File::open(raw)?;
    let finders: Vec<Finder<'_>> = texts.iter().copied().map(Finder::new).collect();
    let mut counts = vec![0; texts.len()];
    let longest = texts.iter().map(|text| text.len()).max().unwrap_or(1);
    let mut at = 0;
    loop {
        let data = match rustix::fs::seek(&file, SeekFrom::Data(at)) {
            Ok(data) => data,
            Err(rustix::io::Errno::NXIO) => return Ok(counts),
            Err(error) => return Err(error).context("look for data"),
        };
        file.seek(std::io::SeekFrom::Start(data))?;
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        (&mut file)
            .take(PIECE_BYTES as u64)
            .read_to_end(&mut piece)?;
        // What begins in the overlap is counted with the next piece.
        let is_last = piece.len() < PIECE_BYTES;
        let own = match is_last {
            true => piece.len(),
            false => PIECE_BYTES + 1 - longest,
        };
        for (count, finder) in counts.iter_mut().zip(&finders) {
            *count += finder
                .find_iter(&piece)
                .filter(|found| *found < own)
                .count();
        }
        if is_last {
            return Ok(counts);
        }
        at = data + own as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_behind_holes_and_over_the_ends_of_pieces() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("disk.raw");
        let file = File::create(&path)?;
        file.set_len(64 << 20)?;
        let write =
            |at: usize| std::os::unix::fs::FileExt::write_all_at(&file, b"secret", at as u64);
        write(PIECE_BYTES - 3)?;
        write(40 << 20)?;
        // At the end of what one piece counts, and right after it.
        std::os::unix::fs::FileExt::write_all_at(&file, &vec![b'.'; 2 * PIECE_BYTES], 44 << 20)?;
        write((44 << 20) + PIECE_BYTES - 6)?;
        write((44 << 20) + PIECE_BYTES)?;
        assert_eq!(count_raw(&path, &[b"secret", b"absent"])?, [4, 0]);
        Ok(())
    }
}
