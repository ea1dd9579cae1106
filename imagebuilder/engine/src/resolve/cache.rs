//! Packs that were fetched once: unpacked on this host by digest, and held parsed in memory.
//!
//! A manifest's digest fixes every byte of a pack, so nothing here ever grows old.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use registry_pack::{Digest, Limits, Pack, RepositoryName, archive};

use crate::registry::{Descriptor, Registry, RegistryError};
use crate::resolve::ResolveError;

/// How many parsed packs stay in memory: a few profiles' worth.
const KEPT_IN_MEMORY: usize = 64;

/// A pack as this host holds it.
#[derive(Debug)]
pub(crate) struct CachedPack {
    /// Where it came from.
    pub(crate) repository: RepositoryName,
    /// Its manifest.
    pub(crate) manifest: Descriptor,
    /// The unpacked, parsed pack.
    pub(crate) pack: Pack,
}

/// The packs of this host.
pub(crate) struct PackCache {
    folder: PathBuf,
    recent: Mutex<VecDeque<Arc<CachedPack>>>,
}

impl PackCache {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            recent: Mutex::default(),
        }
    }

    /// The pack behind a manifest; fetched where this host lacks it.
    pub(crate) async fn pack(
        &self,
        registry: &dyn Registry,
        repository: &RepositoryName,
        manifest: &Descriptor,
    ) -> Result<Arc<CachedPack>, ResolveError> {
        if let Some(found) = self.remembered(&manifest.digest) {
            return Ok(found);
        }
        let folder = self.folder.join(manifest.digest.hex());
        if !folder.exists() {
            self.fetch(registry, repository, &manifest.digest, &folder)
                .await?;
        }
        let pack = open(folder).await?;
        let cached = Arc::new(CachedPack {
            repository: repository.clone(),
            manifest: manifest.clone(),
            pack,
        });
        self.remember(Arc::clone(&cached));
        Ok(cached)
    }

    async fn fetch(
        &self,
        registry: &dyn Registry,
        repository: &RepositoryName,
        digest: &Digest,
        folder: &Path,
    ) -> Result<(), ResolveError> {
        let manifest = registry.manifest(repository, digest).await?;
        let [layer] = manifest.layers.as_slice() else {
            return Err(ResolveError::input(
                "NotAPack",
                format!(
                    "{repository}@{digest} is not a pack: it has {} layers, and a pack has one",
                    manifest.layers.len()
                ),
            ));
        };
        if layer.size_bytes > Limits::default().archive_bytes {
            let limit = Limits::default().archive_bytes;
            let message = format!(
                "the archive of {repository}@{digest} has {} bytes; a pack may have {limit}",
                layer.size_bytes
            );
            return Err(ResolveError::input("PackTooLarge", message));
        }
        let local = |error: std::io::Error| RegistryError::Local {
            what: format!("pack {repository}@{digest}"),
            message: error.to_string(),
        };
        std::fs::create_dir_all(&self.folder).map_err(local)?;
        let staging = tempfile::Builder::new()
            .prefix(crate::config::UNPACKING)
            .tempdir_in(&self.folder)
            .map_err(local)?;
        let archive = staging.path().join("archive.tar.gz");
        registry.download(repository, layer, &archive).await?;
        let content = staging.path().join("content");
        let target = content.clone();
        blocking(move || {
            let file =
                std::fs::File::open(&archive).map_err(|source| registry_pack::PackError::Io {
                    action: "open",
                    path: archive.clone(),
                    source,
                })?;
            archive::unpack(std::io::BufReader::new(file), &target, &Limits::default())
        })
        .await?
        .map_err(ResolveError::pack)?;
        match std::fs::rename(&content, folder) {
            Ok(()) => Ok(()),
            // Another request unpacked the same in the meantime.
            Err(_) if folder.exists() => Ok(()),
            Err(error) => Err(local(error).into()),
        }
    }

    fn remembered(&self, digest: &Digest) -> Option<Arc<CachedPack>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let at = recent
            .iter()
            .position(|pack| pack.manifest.digest == *digest)?;
        let pack = recent.remove(at)?;
        recent.push_front(Arc::clone(&pack));
        Some(pack)
    }

    fn remember(&self, pack: Arc<CachedPack>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_front(pack);
        recent.truncate(KEPT_IN_MEMORY);
    }
}

/// Opens the one folder in `folder`.
async fn open(folder: PathBuf) -> Result<Pack, ResolveError> {
    blocking(move || {
        let root = std::fs::read_dir(&folder)
            .and_then(|mut entries| entries.next().transpose())
            .ok()
            .flatten()
            .map_or_else(|| folder.clone(), |entry| entry.path());
        Pack::open(&root, &Limits::default())
    })
    .await?
    .map_err(ResolveError::pack)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ResolveError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ResolveError::Internal(error.to_string()))
}
