//! Bytes of manifests by their digest, for a server that shares its database.
//!
//! A digest never means other bytes, so nothing here can be stale, whatever the other
//! servers do. Whether a repository has the manifest, and which one a tag points at, is
//! asked of the database each time: what one server acknowledged, all of them tell at once.

use bytes::Bytes;
use moka::future::Cache as Moka;

/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 200;

pub(crate) struct Bodies(Moka<String, Bytes>);

impl Bodies {
    pub(crate) fn new(bytes: u64) -> Self {
        let bodies = Moka::builder()
            .max_capacity(bytes)
            .weigher(|digest: &String, body: &Bytes| {
                u32::try_from(ENTRY_BYTES + digest.len() + body.len()).unwrap_or(u32::MAX)
            })
            .build();
        Self(bodies)
    }

    pub(crate) async fn get(&self, digest: &str) -> Option<Bytes> {
        self.0.get(digest).await
    }

    pub(crate) async fn remember(&self, digest: String, body: Bytes) {
        self.0.insert(digest, body).await;
    }
}
