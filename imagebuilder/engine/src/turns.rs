//! One at a time for each thing that is fetched to this host: who comes second waits, and finds it there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// Whose turn it is, by name. A worker has its data folder to itself, so its own memory is enough.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Weak<Turn<()>>>>);

impl Turns {
    /// Waits until nobody else has the turn for `name`. Dropping what it answers with passes it on.
    pub(crate) async fn take(&self, name: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let known = turns.get(name).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let turn = Arc::default();
                turns.insert(name.to_owned(), Arc::downgrade(&turn));
                turn
            })
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_is_for_one_and_for_one_name() {
        let turns = Turns::default();
        let first = turns.take("a").await;
        drop(turns.take("b").await);
        let mut second = Box::pin(turns.take("a"));
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        drop(second.await);
        drop(turns.take("c").await);
        assert_eq!(turns.0.lock().unwrap().len(), 1, "old names are forgotten");
    }
}
