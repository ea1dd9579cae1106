//! The content store in a folder: where the bytes lie, and how they get there durably.
//!
//! A key is the path of its file; an object's key follows from its digest. The
//! calls of the type itself block; those of the trait run them beside the async
//! threads.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use registry_pack::Digest;

use super::file_writer::FileWriter;
use super::windows::Windows;
use super::{BlobReader, Content, ContentWriter, Found, Resume, Staged, blocking};
use crate::crash;
use crate::error::{Result, StoreError};

#[async_trait]
impl Content for Filesystem {
    fn is_shared(&self) -> bool {
        false
    }

    fn staged_key(&self, id: &str) -> String {
        format!("uploads/{id}")
    }

    async fn create(&self, id: &str) -> Result<String> {
        let (files, key) = (self.clone(), self.staged_key(id));
        blocking(move || files.create_staged(&key).map(|_| key)).await
    }

    async fn resume(&self, upload: Resume) -> Result<Box<dyn ContentWriter>> {
        let (files, key, offset) = (
            self.clone(),
            upload.staged.key.clone(),
            upload.offset.unwrap_or(0),
        );
        let file = blocking(move || files.reopen_staged(&key, offset)).await?;
        Ok(Box::new(FileWriter::new(self.clone(), upload, file)))
    }

    async fn discard(&self, staged: &Staged) -> Result<()> {
        self.remove(&staged.key).await
    }

    async fn leftovers(&self, untouched: Duration) -> Result<Vec<String>> {
        let files = self.clone();
        blocking(move || files.staged(untouched)).await
    }

    fn digest_of(&self, key: &str) -> Option<Digest> {
        Self::digest_of_key(key)
    }

    fn upload_of(&self, _: &str) -> Option<String> {
        None
    }

    async fn read(&self, key: &str, range: Range<u64>) -> Result<BlobReader> {
        let (files, key) = (self.clone(), key.to_owned());
        let file = blocking(move || files.open_object(&key)).await?;
        let windows = self.windows.clone();
        Ok(BlobReader::file(file, windows, range.start, range.end))
    }

    async fn read_blocking(&self, key: &str) -> Result<Box<dyn Read + Send>> {
        let (files, key) = (self.clone(), key.to_owned());
        let file = blocking(move || files.open_object(&key)).await?;
        Ok(Box::new(file))
    }

    async fn link(&self, _: &str) -> Result<Option<String>> {
        Ok(None)
    }

    async fn remove(&self, key: &str) -> Result<()> {
        let (files, key) = (self.clone(), key.to_owned());
        blocking(move || files.remove_file(&key)).await
    }

    fn list(&self, after: &str) -> BoxStream<'static, Result<Found>> {
        super::listing::stream(self.clone(), after.to_owned())
    }

    async fn quarantine(&self, key: &str) -> Result<Option<String>> {
        let (files, key) = (self.clone(), key.to_owned());
        blocking(move || files.move_aside(&key)).await
    }
}

/// Blobs and staged uploads below one folder, hence on one file system.
#[derive(Clone, Debug)]
pub(crate) struct Filesystem {
    root: PathBuf,
    windows: Windows,
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
            windows: Windows::default(),
        })
    }

    /// The key of a blob; also its path below the root.
    pub(crate) fn object_key(digest: &Digest) -> String {
        let hex = digest.hex();
        format!("blobs/{}/{}/{hex}", digest.algorithm().as_str(), &hex[..2])
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
            .inspect(|_| crash::point())
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
        crash::point();
        sync_folder(folder)?;
        Ok(key)
    }

    pub(crate) fn open_object(&self, key: &str) -> Result<File> {
        let path = self.path(key);
        File::open(&path).map_err(|error| StoreError::io("open", &path, error))
    }

    /// Removes an object or a staged file; one that is gone already is no error.
    pub(crate) fn remove_file(&self, key: &str) -> Result<()> {
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

    /// Moves a damaged object out of the way of readers; nothing when it is not there.
    fn move_aside(&self, key: &str) -> Result<Option<String>> {
        let name = Path::new(key).file_name().unwrap_or_default();
        let aside = Path::new("quarantine").join(name);
        let target = self.root.join(&aside);
        let folder = target.parent().unwrap_or(&self.root);
        self.ensure_folder(folder)?;
        match std::fs::rename(self.path(key), &target) {
            Ok(()) => {
                sync_folder(folder)?;
                Ok(Some(aside.to_string_lossy().into_owned()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("move aside", &target, error)),
        }
    }

    fn ensure_folder(&self, folder: &Path) -> Result<()> {
        match std::fs::create_dir(folder) {
            Ok(()) => {
                crash::point();
                sync_folder(folder.parent().unwrap_or(&self.root))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(StoreError::io("create", folder, error)),
        }
    }
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .inspect(|()| crash::point())
        .map_err(|error| StoreError::io("sync", folder, error))
}
