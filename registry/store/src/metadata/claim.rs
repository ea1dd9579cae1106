//! The right to bring or take the bytes of a digest, together with their row.
//!
//! Within a process a lock chooses; between the servers of one PostgreSQL an advisory
//! lock does, which goes with its transaction, however that ends. So the row is written
//! in the very transaction that holds the lock, and no server waits for a dead one.

use registry_pack::Digest;
use tokio::sync::{Mutex, MutexGuard};

use super::{Metadata, Transaction, statements, values};
use crate::error::Result;

statements! {
    // SQLite has one process, whose own lock is enough: its text is never run.
    LOCK: "lock a digest" = "SELECT " digest_lock["$1"];
}

/// As many digests at once as anybody needs; two that share a lock only wait.
const LOCKS: usize = 64;

/// The locks of this process; the digest chooses which.
#[derive(Debug)]
pub(super) struct DigestLocks(Vec<Mutex<()>>);

impl Default for DigestLocks {
    fn default() -> Self {
        Self((0..LOCKS).map(|_| Mutex::new(())).collect())
    }
}

/// Held while the bytes of a digest come or go.
pub(crate) struct DigestClaim<'a> {
    metadata: &'a Metadata,
    key: i64,
    shared: Option<Transaction>,
    _here: MutexGuard<'a, ()>,
}

impl Metadata {
    /// Waits until nobody else brings or takes the digest's bytes.
    pub(crate) async fn claim(&self, digest: &Digest) -> Result<DigestClaim<'_>> {
        // The hexadecimal digits are evenly spread already.
        let key = u64::from_str_radix(&digest.hex()[..16], 16).unwrap_or(0);
        let lock = usize::try_from(key % LOCKS as u64).unwrap_or(0);
        let here = self.digests.0[lock].lock().await;
        let mut claim = DigestClaim {
            metadata: self,
            key: key.cast_signed(),
            shared: None,
            _here: here,
        };
        claim.again().await?;
        Ok(claim)
    }
}

impl DigestClaim<'_> {
    /// The one transaction under the claim. On PostgreSQL it takes the claim with it.
    pub(crate) async fn begin(&mut self) -> Result<Transaction> {
        match self.shared.take() {
            Some(transaction) => Ok(transaction),
            None => self.metadata.begin().await,
        }
    }

    /// Claims the digest once more, after a transaction that failed.
    pub(crate) async fn again(&mut self) -> Result<()> {
        if self.metadata.is_shared() && self.shared.is_none() {
            self.shared = Some(self.locked().await?);
        }
        Ok(())
    }

    async fn locked(&self) -> Result<Transaction> {
        let mut transaction = self.metadata.begin().await?;
        transaction.lock(&LOCK, values![self.key]).await?;
        Ok(transaction)
    }
}
