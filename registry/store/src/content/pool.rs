//! The memory that parts on their way to an object store may take, for the whole process.
//!
//! A part takes all its blocks at once or waits, so that two parts never wait
//! for each other; and it takes them only when its bytes are all there, so
//! that a slow client holds none. When nothing is on its way, nothing is kept.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Small enough that the last part of a small blob does not cost much.
pub(crate) const BLOCK_BYTES: usize = 1 << 20;

pub(crate) struct Pool {
    permits: Arc<Semaphore>,
    blocks: usize,
    free: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    /// A pool of so many blocks.
    pub(crate) fn new(blocks: usize) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(blocks)),
            blocks,
            free: Mutex::default(),
        })
    }

    /// Waits for room for so many bytes, at most as many as the pool has.
    pub(crate) async fn take(self: &Arc<Self>, bytes: usize) -> Vec<Block> {
        let count = bytes.div_ceil(BLOCK_BYTES).min(self.blocks);
        let permits = Arc::clone(&self.permits)
            .acquire_many_owned(u32::try_from(count).unwrap_or(u32::MAX))
            .await;
        // It is never closed.
        let Ok(mut permits) = permits else {
            return Vec::new();
        };
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        (0..count)
            .filter_map(|_| permits.split(1))
            .map(|permit| Block {
                data: free.pop().unwrap_or_else(|| vec![0; BLOCK_BYTES]),
                length: 0,
                _permit: permit,
                pool: Arc::clone(self),
            })
            .collect()
    }
}

/// A piece of the pool; it goes back when its bytes are no longer needed.
pub(crate) struct Block {
    data: Vec<u8>,
    length: usize,
    _permit: OwnedSemaphorePermit,
    pool: Arc<Pool>,
}

impl Block {
    /// Lets `fill` write the first `length` bytes.
    pub(crate) fn fill<E>(
        mut self,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Bytes, E> {
        self.length = length.min(BLOCK_BYTES);
        fill(&mut self.data[..self.length])?;
        Ok(Bytes::from_owner(self))
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.data[..self.length]
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut free = self
            .pool
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        free.push(std::mem::take(&mut self.data));
        // This one's permit is given back right after.
        if self.pool.permits.available_permits() + 1 >= self.pool.blocks {
            *free = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test]
    async fn memory_is_bounded_used_again_and_given_back() {
        let pool = Pool::new(3);
        let mut blocks = pool.take(2 * BLOCK_BYTES).await;
        assert_eq!(blocks.len(), 2);
        let filled = blocks.pop().expect("a block").fill(3, |bytes| {
            bytes.copy_from_slice(b"abc");
            Ok::<(), Infallible>(())
        });
        assert_eq!(filled.expect("bytes"), "abc");
        let waiting = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.take(3 * BLOCK_BYTES).await.len() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(blocks);
        assert_eq!(waiting.await.expect("an end"), 3);
        assert!(pool.free.lock().expect("free").is_empty());
    }

    #[tokio::test]
    async fn more_than_there_is_takes_all_there_is() {
        let pool = Pool::new(2);
        assert_eq!(pool.take(100 * BLOCK_BYTES).await.len(), 2);
    }
}
