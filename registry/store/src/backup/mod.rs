//! Backups of a registry in a folder, taken while it serves, and brought back while it does not.
//!
//! A backup is a folder with the same layout: `registry.db`, `blobs/`, and
//! `backup.json`, which is written last. Blobs never change, so the order makes
//! it consistent: first every blob that is there, then the database as of one
//! moment, then the blobs that came in between. Nothing that the database names
//! can be missing, whatever is pushed meanwhile; what is deleted meanwhile stays
//! for its grace period. Open uploads are left out.
//!
//! Where the blobs are in an object store, the database alone is saved, and the
//! bucket needs a backup of its own.

mod files;
mod restore;
mod rows;
mod take;

use std::path::{Path, PathBuf};

use registry_pack::Digest;
use serde::{Deserialize, Serialize};

use crate::content::{StorageConfig, blocking};
use crate::error::{Result, StoreError};

pub use restore::restore;
pub use take::backup;

const DATABASE: &str = "registry.db";
const BLOBS: &str = "blobs";
const ABOUT: &str = "backup.json";
/// What this program writes and reads.
const VERSION: u32 = 1;

/// What a backup holds; `backup.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// The layout's version.
    pub version: u32,
    /// When the database was read.
    pub taken_at: jiff::Timestamp,
    /// Whether the blobs are in it, and not in an object store.
    pub with_blobs: bool,
    /// Blobs that the database names.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them are new since the backup that was there before.
    #[serde(skip)]
    pub added: u64,
    /// Blobs whose bytes were gone before: `admin fsck` says who is hit.
    #[serde(skip)]
    pub missing: Vec<Digest>,
}

/// What was brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The backup.
    pub backup: Backup,
    /// Blobs whose bytes in the backup are damaged or gone. They are marked as such.
    pub damaged: Vec<Digest>,
}

/// Where the registry is.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// The registry's own folder.
    pub folder: &'a Path,
    /// Where its blobs are.
    pub storage: &'a StorageConfig,
    /// Never link: the backup then has disk blocks of its own, at the price of a copy.
    pub copy: bool,
}

/// What is known of a backup.
async fn about(folder: &Path) -> Result<Option<Backup>> {
    let path = folder.join(ABOUT);
    let text = blocking(move || match std::fs::read(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", &path, error)),
    })
    .await?;
    let Some(text) = text else {
        return Ok(None);
    };
    let found: Backup = serde_json::from_slice(&text).map_err(|error| refuse(folder, error))?;
    if found.version != VERSION {
        let why = format!(
            "it has version {}, and this program knows {VERSION}",
            found.version
        );
        return Err(refuse(folder, why));
    }
    Ok(Some(found))
}

fn refuse(folder: &Path, why: impl ToString) -> StoreError {
    StoreError::Backup {
        path: PathBuf::from(folder),
        why: why.to_string(),
    }
}
