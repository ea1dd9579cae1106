//! Where the registry keeps things: blobs in a folder or an object store, metadata in SQLite or
//! PostgreSQL.
//!
//! It holds the rules of push, pull, tag and delete. It knows no HTTP.
//!
//! A push is durable before it is acknowledged: bytes are staged in the same
//! file system, synced, renamed to their digest, the folder synced, and then
//! one transaction writes the blob, the repository's right to it and its lease,
//! and closes the upload. A crash in between leaves at most bytes that no row
//! names; the next upload of the same digest takes their place.

pub mod backup;
mod blobs;
mod bodies;
mod cache;
mod content;
mod crash;
mod deprecations;
mod error;
mod fsck;
mod gc;
mod lock;
mod manifests;
mod metadata;
mod packs;
mod profiles;
mod referrers;
mod store;
mod upload;
mod uploads;

pub use blobs::Blob;
pub use content::{BlobReader, ObjectStoreConfig, Secret, StorageConfig};
pub use error::{Cause, Result, StoreError};
pub use fsck::{Damage, Extent, Fault, Hit, Pace, Progress, Unknown};
pub use gc::{Collected, Collection};
pub use lock::DataLock;
pub use manifests::{Condition, IndexEntry, Manifest, MissingPolicy, NewManifest};
pub use metadata::WAIT as DATABASE_WAIT;
pub use metadata::{Database, DatabaseUrl, PostgresConfig};
pub use packs::{PackDocuments, PackEntry, PackQuery, PackRecord};
pub use profiles::{ProfileEntry, ProfileQuery, ProfileRecord};
pub use referrers::Referrer;
pub use store::{Store, StoreConfig};
pub use upload::Upload;
pub use uploads::UploadState;
