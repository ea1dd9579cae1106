//! The files of stages: packed for the registry, unpacked and hashed for a provider.

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

pub(super) fn compress(from: &Path, to: &Path) -> io::Result<()> {
    let source = std::fs::File::open(from)?;
    let target = std::fs::File::create(to)?;
    zstd::stream::copy_encode(source, target, COMPRESSION_LEVEL)
}

/// Unpacks, and answers with the digest of what came out.
pub(super) fn decompress(from: &Path, to: &Path) -> io::Result<Digest> {
    struct Hashing<W> {
        inner: W,
        hash: Sha256,
    }
    impl<W: io::Write> io::Write for Hashing<W> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let written = self.inner.write(bytes)?;
            self.hash.update(&bytes[..written]);
            Ok(written)
        }
        fn flush(&mut self) -> io::Result<()> {
            self.inner.flush()
        }
    }
    let mut target = Hashing {
        inner: std::fs::File::create(to)?,
        hash: Sha256::new(),
    };
    zstd::stream::copy_decode(std::fs::File::open(from)?, &mut target)?;
    target.inner.sync_all()?;
    Ok(Digest::from_sha256(target.hash.finalize().into()))
}
