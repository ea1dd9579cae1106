//! What can go wrong in the store, split by what the caller can do about it.
//!
//! It says nothing of HTTP: the server maps each case to a status and a code.

use std::io;
use std::path::{Path, PathBuf};

use registry_pack::{Digest, RepositoryName};

/// The result of a call to the store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// What lies below an error, for a log.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No such repository.
    #[error("there is no repository {repository}")]
    RepositoryUnknown {
        /// The name that was asked for.
        repository: String,
    },
    /// No manifest with this tag or digest in the repository.
    #[error("there is no manifest {reference} in {repository}")]
    ManifestUnknown {
        /// Where it was looked for.
        repository: String,
        /// The tag or digest.
        reference: String,
    },
    /// The repository does not hold this blob.
    #[error("there is no blob {digest} in {repository}")]
    BlobUnknown {
        /// Where it was looked for.
        repository: String,
        /// The blob.
        digest: Digest,
    },
    /// No open upload with this id in the repository.
    #[error("there is no open upload {id}; start a new one")]
    UploadUnknown {
        /// The upload's id.
        id: String,
    },
    /// Another request writes to the upload at this moment.
    #[error(
        "another request is writing to upload {id}; wait for it, then ask for the upload's state"
    )]
    UploadBusy {
        /// The upload's id.
        id: String,
    },
    /// The repository has as many open uploads as are allowed.
    #[error("{repository} has {limit} open uploads; finish or cancel some of them")]
    TooManyUploads {
        /// The repository.
        repository: String,
        /// The bound.
        limit: u64,
    },
    /// The content does not have the digest that the client claimed.
    #[error("the content has digest {actual}, not {claimed}")]
    DigestMismatch {
        /// What the client said.
        claimed: Digest,
        /// What was computed.
        actual: Digest,
    },
    /// The blob is larger than the store accepts.
    #[error("the content is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The bound.
        limit_bytes: u64,
    },
    /// The manifest names content that the repository does not have.
    #[error("{repository} does not have what the manifest names: {}", list(.missing))]
    MissingReferences {
        /// The repository.
        repository: String,
        /// What is missing.
        missing: Vec<Digest>,
    },
    /// The tag is a published version and points elsewhere.
    #[error(
        "{repository}:{tag} is published as {current} and cannot be changed; push a new version"
    )]
    TagImmutable {
        /// The repository.
        repository: String,
        /// The tag.
        tag: String,
        /// The digest that it has.
        current: String,
    },
    /// The tag is not what the push was made for.
    #[error("{repository}:{tag} is {}, which is not what the request goes by", or_not_there(.current))]
    TagDiffers {
        /// The repository.
        repository: String,
        /// The tag.
        tag: String,
        /// The digest that it has, if there is such a tag.
        current: Option<String>,
    },
    /// The tag follows the newest version and is set by the server only.
    #[error(
        "{repository}:{tag} follows the newest version and is set by the server; push or delete the version itself"
    )]
    TagReserved {
        /// The repository.
        repository: String,
        /// The tag.
        tag: String,
    },
    /// The blob cannot be deleted while a manifest names it.
    #[error("blob {digest} is used by manifest {manifest}; delete that first")]
    BlobInUse {
        /// The blob.
        digest: String,
        /// One manifest that names it.
        manifest: String,
    },
    /// The manifest cannot be deleted while an index names it.
    #[error("manifest {digest} is part of index {index}; delete that first")]
    ManifestInUse {
        /// The manifest.
        digest: String,
        /// One index that names it.
        index: String,
    },
    /// The client's body broke off; what arrived is kept for a resume.
    #[error("the request's body broke off")]
    Body(#[source] Cause),
    /// Too many requests wait for the database, or have files open, already.
    #[error("too many requests at once; try again in a minute")]
    Overloaded,
    /// No room left on the disk. Nothing that was acknowledged is lost.
    #[error("no space left on the disk that holds {}", .path.display())]
    Full {
        /// The file or folder.
        path: PathBuf,
    },
    /// The disk does not take writes.
    #[error("the disk that holds {} is read-only", .path.display())]
    ReadOnly {
        /// The file or folder.
        path: PathBuf,
    },
    /// Another server works on this folder.
    #[error("{} is in use by {}; stop it or choose another data folder", .path.display(), holder(.pid))]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that holds it, when it said so.
        pid: Option<u32>,
    },
    /// The operating system refused.
    #[error("cannot {what} {}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The database refused.
    #[error("cannot {what} in the metadata database")]
    Database {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        source: Cause,
    },
    /// The object store is down, slow, or out of reach.
    #[error("cannot {what}: the object store does not answer as it should; try again in a minute")]
    Unavailable {
        /// What was tried, as often as it may be.
        what: &'static str,
        /// How it failed the last time.
        #[source]
        source: Box<object_store::Error>,
    },
    /// The object store refused.
    #[error("cannot {what}: the object store refused")]
    Remote {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        source: Box<object_store::Error>,
    },
    /// The content store cannot be used as it is configured.
    #[error("the storage cannot be used: {why}")]
    Storage {
        /// What is wrong, and what to do about it.
        why: String,
    },
    /// The folder is not what a backup or a restore needs.
    #[error("cannot use {}: {why}", .path.display())]
    Backup {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong, and what to do about it.
        why: String,
    },
    /// PostgreSQL cannot be reached, at the start.
    #[error("cannot open the metadata database on the PostgreSQL server")]
    NoDatabase {
        /// Why not.
        #[source]
        source: Cause,
    },
    /// PostgreSQL cannot be reached for the moment.
    #[error("the metadata database does not answer; try again in a minute")]
    DatabaseAway {
        /// What it or the network said.
        #[source]
        source: Cause,
    },
    /// Other transactions were in the way, again and again.
    #[error("too many requests change the same thing at once; try again in a minute")]
    Collision {
        /// What the database said.
        #[source]
        source: Cause,
    },
    /// Stored data cannot be what this program wrote.
    #[error("stored data is damaged: {what}")]
    Damaged {
        /// What is wrong with it.
        what: String,
    },
}

impl StoreError {
    /// An error of the operating system, with full and read-only disks told apart.
    pub(crate) fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        let errno = rustix::io::Errno::from_io_error(&source);
        if matches!(
            errno,
            Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE)
        ) {
            return Self::Overloaded;
        }
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            _ => Self::Io { what, path, source },
        }
    }

    pub(crate) fn repository_unknown(name: &RepositoryName) -> Self {
        Self::RepositoryUnknown {
            repository: name.to_string(),
        }
    }

    pub(crate) fn blob_unknown(name: &RepositoryName, digest: &Digest) -> Self {
        Self::BlobUnknown {
            repository: name.to_string(),
            digest: digest.clone(),
        }
    }

    pub(crate) fn manifest_unknown(name: &RepositoryName, reference: &str) -> Self {
        Self::ManifestUnknown {
            repository: name.to_string(),
            reference: reference.to_owned(),
        }
    }
}

/// An error as a log takes it, with all its causes.
pub(crate) fn cause(error: &StoreError) -> &(dyn std::error::Error + 'static) {
    error
}

fn list(digests: &[Digest]) -> String {
    const SHOWN: usize = 8;
    let mut text = digests
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if digests.len() > SHOWN {
        text.push_str(&format!(" and {} more", digests.len() - SHOWN));
    }
    text
}

fn or_not_there(digest: &Option<String>) -> &str {
    digest.as_deref().unwrap_or("not there")
}

fn holder(pid: &Option<u32>) -> String {
    match pid {
        Some(pid) => format!("the process with id {pid}"),
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_and_read_only_disks_are_told_apart() {
        let path = Path::new("/data/blobs");
        let error = |kind: io::ErrorKind| StoreError::io("write", path, kind.into());
        assert!(matches!(
            error(io::ErrorKind::StorageFull),
            StoreError::Full { .. }
        ));
        assert!(matches!(
            error(io::ErrorKind::QuotaExceeded),
            StoreError::Full { .. }
        ));
        assert!(matches!(
            error(io::ErrorKind::ReadOnlyFilesystem),
            StoreError::ReadOnly { .. }
        ));
        let many = io::Error::from(rustix::io::Errno::MFILE);
        assert!(matches!(
            StoreError::io("open", path, many),
            StoreError::Overloaded
        ));
        assert!(matches!(
            error(io::ErrorKind::NotFound),
            StoreError::Io { .. }
        ));
    }

    #[test]
    fn a_long_list_of_digests_is_cut() {
        let missing = vec![Digest::sha256(b"x"); 20];
        let error = StoreError::MissingReferences {
            repository: "a".to_owned(),
            missing,
        };
        assert!(error.to_string().ends_with(" and 12 more"));
    }
}
