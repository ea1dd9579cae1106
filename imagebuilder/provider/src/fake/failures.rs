//! What a test wants to go wrong.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::ProviderError;

/// A method of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// `import_disk`
    ImportDisk,
    /// `disk`
    Disk,
    /// `delete_disk`
    DeleteDisk,
    /// `launch`
    Launch,
    /// `machine`
    Machine,
    /// `checkpoint`
    Checkpoint,
    /// `shutdown`
    Shutdown,
    /// `capture`
    Capture,
    /// `delete_image`
    DeleteImage,
    /// `destroy`
    Destroy,
    /// `resources`
    Resources,
    /// `console`
    Console,
}

/// Whether a call fails before it did anything, or after it did all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// Nothing was done.
    Before,
    /// All was done, and the answer got lost.
    After,
}

enum Mishap {
    Error(ProviderError),
    Delay(Duration),
}

/// The mishaps that wait, per method and moment, in order; and how often each method was called.
#[derive(Default)]
pub struct Failures {
    waiting: Mutex<BTreeMap<(Method, When), VecDeque<Mishap>>>,
    calls: Mutex<BTreeMap<Method, u64>>,
}

impl Failures {
    /// Lets the next call of `method` that has nothing else waiting fail with `error`.
    pub fn fail(&self, method: Method, when: When, error: ProviderError) {
        self.add(method, when, Mishap::Error(error));
    }

    /// Lets the next such call take that long; a caller that gives up finds out what was done.
    pub fn delay(&self, method: Method, when: When, delay: Duration) {
        self.add(method, when, Mishap::Delay(delay));
    }

    /// Whether all that was asked for has befallen some call, or has begun to.
    pub fn all_met(&self) -> bool {
        lock(&self.waiting).values().all(VecDeque::is_empty)
    }

    /// How often the method was called.
    pub fn calls(&self, method: Method) -> u64 {
        lock(&self.calls).get(&method).copied().unwrap_or_default()
    }

    fn add(&self, method: Method, when: When, mishap: Mishap) {
        lock(&self.waiting)
            .entry((method, when))
            .or_default()
            .push_back(mishap);
    }

    pub(super) async fn check(&self, method: Method, when: When) -> Result<(), ProviderError> {
        if when == When::Before {
            *lock(&self.calls).entry(method).or_default() += 1;
        }
        let mishap = lock(&self.waiting)
            .get_mut(&(method, when))
            .and_then(VecDeque::pop_front);
        match mishap {
            Some(Mishap::Error(error)) => Err(error),
            Some(Mishap::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
