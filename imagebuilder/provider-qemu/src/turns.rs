//! Lets one call at a time work on a machine, also where whoever waited for a call went away.
//!
//! A call that is given up leaves behind what blocks, as a record that is being written. That
//! must not end after the next call began: it would bring an old record back. So whatever
//! blocks holds the turn of its call until its own end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use imagebuilder_provider::MachineId;
use tokio::sync::OwnedMutexGuard;

tokio::task_local! {
    static TURN: Turn;
}

/// The right to work on one machine. It ends with its last clone.
#[derive(Clone)]
pub(crate) struct Turn(
    #[expect(dead_code, reason = "it is held, not read")] Arc<OwnedMutexGuard<()>>,
);

impl Turn {
    /// That of the call that runs now; calls that concern no machine have none.
    pub(crate) fn present() -> Option<Self> {
        TURN.try_with(Self::clone).ok()
    }
}

/// The turns of all machines.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<MachineId, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Runs the call once no other one works on that machine. Every call is bounded, so this is.
    pub(crate) async fn take<T>(&self, id: &MachineId, call: impl Future<Output = T>) -> T {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(id.clone()).or_default())
        };
        let turn = Turn(Arc::new(lock.lock_owned().await));
        let done = TURN.scope(turn, call).await;
        self.forget(id);
        done
    }

    /// Forgets the machine, unless somebody works on it or waits for it.
    fn forget(&self, id: &MachineId) {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if locks
            .get(id)
            .is_some_and(|lock| Arc::strong_count(lock) == 1)
        {
            locks.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::durable;

    #[tokio::test]
    async fn what_a_given_up_call_left_ends_before_the_next_call_begins() {
        let turns = Turns::default();
        let id: MachineId = "machine-1".parse().unwrap();
        let (release, released) = mpsc::channel();
        let (ended, end) = mpsc::channel();
        let slow = move || {
            released.recv().unwrap();
            ended.send(()).unwrap();
            Ok(())
        };
        let mut call = Box::pin(turns.take(&id, durable::blocking(slow)));
        assert!(futures::poll!(&mut call).is_pending());
        drop(call);
        let mut next = Box::pin(turns.take(&id, async { end.try_recv() }));
        assert!(futures::poll!(&mut next).is_pending());
        release.send(()).unwrap();
        assert_eq!(next.await, Ok(()));
        assert!(turns.0.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn another_machine_does_not_wait() {
        let turns = Turns::default();
        let [one, other] = ["machine-1", "machine-2"].map(|id| id.parse().unwrap());
        turns.take(&one, turns.take(&other, async {})).await;
        assert!(turns.0.lock().unwrap().is_empty());
    }
}
