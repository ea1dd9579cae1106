//! The content store in a folder: where the bytes lie, and how they get there durably.
//!
//! It knows neither repositories nor rows. An object never changes once it has
//! its key, so a reader needs no lock. All calls block: run them beside the
//! async threads.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use registry_pack::Digest;

use crate::error::{Result, StoreError};

/// Blobs and staged uploads below one folder, hence on one file system.
#[derive(Clone, Debug)]
pub(crate) struct Filesystem {
    root: PathBuf,
}

impl Filesystem {
    pub(crate) fn open(root: &Path) -> Result<Self> {
        for folder in ["blobs/sha256", "blobs/sha512", "uploads"] {
            let path = root.join(folder);
            std::fs::create_dir_all(&path)
                .map_err(|error| StoreError::io("create", &path, error))?;
        }
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// The key of a blob; also its path below the root.
    pub(crate) fn object_key(digest: &Digest) -> String {
        let hex = digest.hex();
        format!("blobs/{}/{}/{hex}", digest.algorithm().as_str(), &hex[..2])
    }

    /// The key of a staged upload.
    pub(crate) fn staged_key(id: &str) -> String {
        format!("uploads/{id}")
    }

    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// A new staged file; it is durable only once it is published or synced.
    pub(crate) fn create_staged(&self, key: &str) -> Result<File> {
        let path = self.path(key);
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|error| StoreError::io("create", &path, error))
    }

    /// A staged file cut back to what is known of it, ready to go on.
    pub(crate) fn reopen_staged(&self, key: &str, offset: u64) -> Result<File> {
        let path = self.path(key);
        let fail = |error| StoreError::io("open", &path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        if length < offset {
            let what = format!("{} has {length} bytes of {offset}", path.display());
            return Err(StoreError::Damaged { what });
        }
        if length > offset {
            file.set_len(offset).map_err(fail)?;
        }
        file.seek(SeekFrom::Start(offset)).map_err(fail)?;
        Ok(file)
    }

    /// Makes a synced staged file the object of a digest: rename, then sync the folder.
    pub(crate) fn publish(&self, staged_key: &str, digest: &Digest) -> Result<String> {
        let key = Self::object_key(digest);
        let target = self.path(&key);
        let folder = target.parent().unwrap_or(&self.root);
        self.ensure_folder(folder)?;
        std::fs::rename(self.path(staged_key), &target)
            .map_err(|error| StoreError::io("publish", &target, error))?;
        sync_folder(folder)?;
        Ok(key)
    }

    pub(crate) fn open_object(&self, key: &str) -> Result<File> {
        let path = self.path(key);
        File::open(&path).map_err(|error| StoreError::io("open", &path, error))
    }

    /// Removes an object or a staged file; one that is gone already is no error.
    pub(crate) fn remove(&self, key: &str) -> Result<()> {
        let path = self.path(key);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", &path, error))
            }
            _ => Ok(()),
        }
    }

    /// Cuts a staged file to a length, if it is there and longer.
    pub(crate) fn shorten(&self, key: &str, length: u64) -> Result<()> {
        let path = self.path(key);
        let shortened = OpenOptions::new().write(true).open(&path).and_then(|file| {
            if file.metadata()?.len() > length {
                file.set_len(length)
            } else {
                Ok(())
            }
        });
        match shortened {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("shorten", &path, error))
            }
            _ => Ok(()),
        }
    }

    fn ensure_folder(&self, folder: &Path) -> Result<()> {
        match std::fs::create_dir(folder) {
            Ok(()) => sync_folder(folder.parent().unwrap_or(&self.root)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(StoreError::io("create", folder, error)),
        }
    }
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(|error| StoreError::io("sync", folder, error))
}
