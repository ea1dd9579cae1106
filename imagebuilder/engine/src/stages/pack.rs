//! The files of stages: packed for the registry, unpacked and hashed for a provider.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use registry_pack::Digest;
use sha2::{Digest as _, Sha256};

use crate::failure::Failure;
use crate::workshop::Workshop;

/// Fast rather than small: it competes with the machine for the processor. Level 3 takes 1.6 times
/// as long and makes Kubernetes' programs smaller by 6 %.
const COMPRESSION_LEVEL: i32 = 1;

/// A file on its way, gone when dropped.
pub(super) struct Download {
    pub(super) path: PathBuf,
}

impl Download {
    pub(super) fn new(shop: &Workshop, name: &str) -> Result<Self, Failure> {
        let folder = shop.config.downloads();
        std::fs::create_dir_all(&folder).map_err(|error| {
            Failure::host(&format!("make the folder {}", folder.display()), &error)
        })?;
        Ok(Self {
            path: folder.join(name),
        })
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::person("Internal", error.to_string()))?;
    done.map_err(|error| Failure::host("pack or unpack a stage", &error))
}

/// Packs, and answers with the digests of what went in and of what came out.
pub(super) fn compress(from: &Path, to: &Path) -> io::Result<(Digest, Digest)> {
    let mut source = Hashing::new(File::open(from)?);
    let mut target = Hashing::new(File::create(to)?);
    zstd::stream::copy_encode(&mut source, &mut target, COMPRESSION_LEVEL)?;
    Ok((source.digest(), target.digest()))
}

/// Unpacks, and answers with the digest of what came out.
pub(super) fn decompress(from: &Path, to: &Path) -> io::Result<Digest> {
    let mut target = Hashing::new(File::create(to)?);
    zstd::stream::copy_decode(File::open(from)?, &mut target)?;
    target.inner.sync_all()?;
    Ok(target.digest())
}

/// Hashes what is read or written, so that it is not read again for that.
struct Hashing {
    inner: File,
    hash: Sha256,
}

impl Hashing {
    fn new(inner: File) -> Self {
        let hash = Sha256::new();
        Self { inner, hash }
    }

    fn digest(self) -> Digest {
        Digest::from_sha256(self.hash.finalize().into())
    }
}

impl io::Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_again_and_every_digest_is_right() {
        let folder = tempfile::tempdir().unwrap();
        let [disk, packed, unpacked] =
            ["disk", "packed", "unpacked"].map(|name| folder.path().join(name));
        let content = b"a stage ".repeat(100_000);
        std::fs::write(&disk, &content).unwrap();
        let (of_disk, of_packed) = compress(&disk, &packed).unwrap();
        assert_eq!(of_disk, Digest::sha256(&content));
        assert_eq!(of_packed, Digest::sha256(&std::fs::read(&packed).unwrap()));
        assert_eq!(decompress(&packed, &unpacked).unwrap(), of_disk);
        assert_eq!(std::fs::read(&unpacked).unwrap(), content);
    }
}
