//! What lies in the content store's folder, for those who compare it with the rows. It changes
//! nothing.

use std::fs::DirEntry;
use std::io;
use std::path::Path;
use std::time::Duration;

use futures::stream::{BoxStream, TryStreamExt as _, try_unfold};
use registry_pack::Digest;

use super::{Filesystem, Found, blocking};
use crate::error::{Result, StoreError};

/// Objects that are listed at once.
const PAGE: usize = 1000;

/// All objects with a key after this one, by key.
pub(super) fn stream(files: Filesystem, after: String) -> BoxStream<'static, Result<Found>> {
    let pages = try_unfold(Some(after), move |after| {
        let files = files.clone();
        async move {
            let Some(after) = after else {
                return Ok::<_, StoreError>(None);
            };
            let page = blocking(move || files.objects(&after, PAGE)).await?;
            let next = (page.len() == PAGE).then(|| page.last().map(|found| found.key.clone()));
            let page = futures::stream::iter(page.into_iter().map(Ok));
            Ok(Some((page, next.flatten())))
        }
    });
    Box::pin(pages.try_flatten())
}

impl Filesystem {
    /// The names of staged files that nobody wrote to for so long.
    pub(super) fn staged(&self, untouched: Duration) -> Result<Vec<String>> {
        let path = self.path("uploads");
        let mut names = Vec::new();
        for entry in list(&path)? {
            if describe(&entry, &path)?.is_some_and(|listed| listed.age() >= untouched)
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// A page of objects by key, after one of them. It reads one folder at a time.
    fn objects(&self, after: &str, limit: usize) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for algorithm in ["sha256", "sha512"] {
            for prefix in 0..=255_u8 {
                let folder = format!("blobs/{algorithm}/{prefix:02x}/");
                if found.len() >= limit {
                    return Ok(found);
                }
                if after.is_empty() || *after < *folder || after.starts_with(&folder) {
                    self.objects_in(&folder, after, limit, &mut found)?;
                }
            }
        }
        Ok(found)
    }

    fn objects_in(
        &self,
        folder: &str,
        after: &str,
        limit: usize,
        found: &mut Vec<Found>,
    ) -> Result<()> {
        let path = self.path(folder);
        if !path.exists() {
            return Ok(());
        }
        let mut names: Vec<(String, DirEntry)> = list(&path)?
            .filter_map(|entry| {
                let key = format!("{folder}{}", entry.file_name().into_string().ok()?);
                (*key > *after).then_some((key, entry))
            })
            .collect();
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (key, entry) in names {
            if found.len() >= limit {
                break;
            }
            if let Some(listed) = describe(&entry, &path)? {
                found.push(Found { key, ..listed });
            }
        }
        Ok(())
    }

    /// The digest whose bytes an object is, as its key says.
    pub(super) fn digest_of_key(key: &str) -> Option<Digest> {
        let mut parts = key.strip_prefix("blobs/")?.split('/');
        let (algorithm, prefix, hex) = (parts.next()?, parts.next()?, parts.next()?);
        let digest: Digest = format!("{algorithm}:{hex}").parse().ok()?;
        (parts.next().is_none() && hex.starts_with(prefix)).then_some(digest)
    }
}

fn list(path: &Path) -> Result<impl Iterator<Item = DirEntry> + use<>> {
    let fail = |error| StoreError::io("list", path, error);
    let entries: Vec<DirEntry> = std::fs::read_dir(path)
        .map_err(fail)?
        .collect::<io::Result<_>>()
        .map_err(fail)?;
    Ok(entries.into_iter())
}

/// What is known of an entry, unless it is gone already.
fn describe(entry: &DirEntry, path: &Path) -> Result<Option<Found>> {
    let listed = entry.metadata().and_then(|metadata| {
        Ok(Found {
            key: String::new(),
            size_bytes: metadata.len(),
            modified: metadata.modified()?,
        })
    });
    match listed {
        Ok(listed) => Ok(Some(listed)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("look at a file in", path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_objects_follow_each_other_by_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Filesystem::open(folder.path()).expect("a store");
        let mut keys: Vec<String> = (0..50_u8)
            .map(|number| Filesystem::object_key(&Digest::sha256(&[number])))
            .collect();
        keys.sort();
        for key in &keys {
            let path = files.path(key);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, b"x").expect("written");
        }
        for size in [1, 7, 50, 100] {
            let mut found: Vec<String> = Vec::new();
            loop {
                let after = found.last().cloned().unwrap_or_default();
                let page = files.objects(&after, size).expect("a page");
                let at_end = page.len() < size;
                found.extend(page.into_iter().map(|listed| listed.key));
                if at_end {
                    break;
                }
            }
            assert_eq!(found, keys, "in pages of {size}");
        }
        let digest = Filesystem::digest_of_key(&keys[0]).expect("a digest");
        assert_eq!(Filesystem::object_key(&digest), keys[0]);
        for strange in ["blobs/x", "uploads/a", "blobs/sha256/00/zz"] {
            assert_eq!(Filesystem::digest_of_key(strange), None);
        }
    }
}
